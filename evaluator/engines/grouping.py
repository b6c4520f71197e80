"""Which log-likelihood requests share what: groups by context, windows that stay cached. Pure.

A request asks how likely a continuation is after a context, both as token ids. The requests of a multiple-choice item
share their context, and contexts share their few-shot examples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """A context and its distinct continuations, in order of first appearance."""

    context: Tokens
    continuations: list[Tokens] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """What its requests take in a cache, at most."""
        return len(self.context) + sum(map(len, self.continuations))


def cut(context: Sequence[int], continuation: Sequence[int], longest: int) -> tuple[Tokens, Tokens]:
    """The last `longest` tokens of a request, as lm-eval cuts it where the continuation is shorter than that.

    A continuation that is not loses its first tokens, and the first that is left becomes its context: so `longest` - 1
    are scored. lm-eval's own slice then starts at 0 or below, and fails or scores only the last few.
    """
    whole = (*context, *continuation)[-longest:]
    kept = max(1, len(whole) - len(continuation))
    return whole[:kept], whole[kept:]


def grouped(requests: Iterable[tuple[Tokens, Tokens]]) -> list[Group]:
    """Requests by context, equal ones once, in lexical order: neighbours share the longest beginnings."""
    groups: dict[Tokens, dict[Tokens, None]] = {}
    for context, continuation in requests:
        groups.setdefault(context, {})[continuation] = None
    return [Group(context, list(groups[context])) for context in sorted(groups)]


def windows(groups: Iterable[Group], capacity: int) -> list[list[Group]]:
    """Groups in order, as many together as surely fit into a cache of `capacity` tokens; at least one."""
    found: list[list[Group]] = []
    used = 0
    for group in groups:
        if not found or used + group.tokens > capacity:
            found.append([])
            used = 0
        found[-1].append(group)
        used += group.tokens
    return found


def shared(first: Tokens, second: Tokens) -> int:
    """How many tokens two texts begin with alike."""
    length = min(len(first), len(second))
    return next((place for place in range(length) if first[place] != second[place]), length)


def partings(contexts: Sequence[Tokens]) -> list[list[int]]:
    """For each of these texts, which are in lexical order, the lengths at which later ones part from it, ascending."""
    found: list[list[int]] = [[] for _ in contexts]
    for place, (here, there) in reversed(list(enumerate(pairwise(contexts)))):
        alike = shared(here, there)
        found[place] = [length for length in found[place + 1] if length < alike] + [alike] * (alike > 0)
    return found
