"""Which items two evaluations have in common, and both models' scores on them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from leaderboard.models import ItemSet, SuiteTask
from leaderboard.queries.measured import SLACK, Cell, Items
from leaderboard.statistics.arrays import Floats, Integers
from leaderboard.statistics.paired import Answers

LEAST = 20
"""Common items under which two different item sets are not compared: so few were not chosen to stand for the task."""
HASH = 32

Keys = dict[tuple[bytes, int], int]


@dataclass(frozen=True)
class Pair:
    """Two models' scores on the same items, higher is better; `partial`: their item sets are not the same."""

    first: Answers
    second: Answers
    partial: bool

    @property
    def n(self) -> int:
        return len(self.first.scores)


class Pairing:
    """Pairs cells; item sets are read once, and only where two differ."""

    def __init__(self, digests: Iterable[str]) -> None:
        """`digests` of sets whose hashes will be needed: one query."""
        self.hashes = {
            row.digest: bytes(row.hashes) for row in ItemSet.objects.filter(digest__in=set(digests)).order_by()
        }
        self.keys: dict[str, Keys] = {}
        self.shared: dict[tuple[str, str], tuple[Integers, Integers]] = {}

    def common(self, first: Items, second: Items) -> tuple[Integers, Integers]:
        """The places of the common items in both sets, in the order of the first."""
        if first.digest == second.digest:
            same = np.arange(first.n)
            return same, same
        sets = (first.digest, second.digest)
        if sets not in self.shared:
            ours, theirs = (self.places(digest) for digest in sets)
            both = [(place, theirs[one]) for one, place in ours.items() if one in theirs]
            places = np.array(both, dtype=np.int64).reshape(-1, 2)
            self.shared[sets] = places[:, 0], places[:, 1]
        return self.shared[sets]

    def places(self, digest: str) -> Keys:
        """Item -> its place in the set. Equal items are told apart by how often they came before."""
        if digest not in self.keys:
            keys: Keys = {}
            data, before = self.hashes.get(digest, b""), Counter[bytes]()
            for place in range(len(data) // HASH):
                item = data[HASH * place : HASH * (place + 1)]
                keys[item, before[item]] = place
                before[item] += 1
            self.keys[digest] = keys
        return self.keys[digest]

    def pair(self, task: SuiteTask, first: Cell, second: Cell) -> Pair | str:
        """Both on their common items, or why that cannot be, in half a sentence."""
        for cell in (first, second):
            if cell.score is None:
                return "not measured"
            if cell.items is None:
                return cell.reason
        assert first.items is not None
        assert second.items is not None
        here, there = self.common(first.items, second.items)
        partial = first.items.digest != second.items.digest
        if partial and len(here) < LEAST:
            return "no items in common" if not len(here) else f"only {len(here)} items in common"
        if len(here) < 2:
            return "one item says nothing"
        scores = [taken(items, places) for items, places in ((first.items, here), (second.items, there))]
        if any((values < -SLACK).any() or (values > 1 + SLACK).any() for values in scores):
            return "its items have scores that are no fractions"
        ours, theirs = (ascending(values, task) for values in scores)
        return Pair(Answers("common", ours), Answers("common", theirs), partial)


def taken(items: Items, places: Integers) -> Floats:
    return items.scores if len(places) == items.n and (places == np.arange(items.n)).all() else items.scores[places]


def ascending(scores: Floats, task: SuiteTask) -> Floats:
    """Higher is better, within [0, 1]."""
    inside = np.clip(scores, 0.0, 1.0)
    return inside if task.higher_is_better else 1 - inside


def needed(pairs: Iterable[tuple[Cell, Cell]]) -> set[str]:
    """The digests of item sets that are not the same in a pair."""
    return {
        one.items.digest
        for first, second in pairs
        if first.items and second.items and first.items.digest != second.items.digest
        for one in (first, second)
        if one.items
    }
