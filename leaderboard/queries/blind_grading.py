"""An item as a person grades it: two answers, and no word of whose they are or what anybody said of them."""

from dataclasses import dataclass

import numpy as np

from leaderboard.judging.blind import first_left, order
from leaderboard.models import Grade, Judging, User
from leaderboard.queries.errors import Missing
from leaderboard.queries.judged_items import items_at, texts_at
from leaderboard.queries.judgings import Bench
from leaderboard.workloads.records import Item


@dataclass(frozen=True)
class Blind:
    """`number` of the judging's items, None once all are graded. `graded` of them the reader has graded `n`."""

    judging: Judging
    graded: int
    number: int | None = None
    item: Item | None = None
    left: str = ""
    right: str = ""

    @property
    def n(self) -> int:
        return self.judging.n


def blind(of: Bench, grader: User, *, number: int | None = None) -> Blind:
    """The next item that `grader` has not graded, or the one that is asked for; raises Missing."""
    judging = of.judging
    graded = set(Grade.objects.filter(judging=judging, grader=grader).values_list("number", flat=True))
    if number is None:
        number = next((one for one in order(judging.salt, judging.n) if one not in graded), None)
    if number is None:
        return Blind(judging, len(graded))
    if not 0 <= number < judging.n:
        raise Missing("item", f"This judging has no item {number}.")
    place = int(np.frombuffer(judging.places, dtype="<i4")[number])
    item = items_at(of.course.version, of.first.submission, [place])[0]
    first = texts_at(of.first.submission, "first", [place])[0]
    second = texts_at(of.second.submission, "second", [place])[0]
    left, right = (first, second) if first_left(judging.salt, number) else (second, first)
    return Blind(judging, len(graded), number, item, left, right)
