"""Numbered pages of what was counted."""

from abc import ABC, abstractmethod
from typing import ClassVar

from leaderboard.queries.errors import Missing


class Numbered(ABC):
    """A page, from 1, of `count` things, `size` to a page; says which of them it shows, from 1. Of nothing there is one
    page."""

    page: int
    size: ClassVar[int]

    @property
    @abstractmethod
    def count(self) -> int: ...

    @property
    def pages(self) -> int:
        return pages_of(self.count, self.size)

    @property
    def first(self) -> int:
        return min(self.count, (self.page - 1) * self.size + 1)

    @property
    def last(self) -> int:
        return min(self.count, self.page * self.size)


def pages_of(count: int, size: int) -> int:
    return max(1, -(-count // size))


def begin_of(page: int, count: int, size: int) -> int:
    """Where a page begins, from 0; raises Missing for one that there is not."""
    pages = pages_of(count, size)
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    return (page - 1) * size
