"""A judging's items one by one: both answers, what a judge replied in either order, and what everybody made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.judging.forms import PAIRS
from leaderboard.queries.bakeoff_items import samples_at
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.judged_items import items_at, texts_at
from leaderboard.queries.judging_report import Judged, Rater
from leaderboard.statistics.judging import Outcome, Reply, codes
from leaderboard.workloads.records import Item

PAGE_SIZE = 10
SHOWN = {
    "all": "All", "first": "First won", "second": "Second won", "tied": "Tied", "turned": "Turned with the order",
    "unreadable": "Unreadable", "apart": "Raters differ",
}  # fmt: skip
"""What may be shown, in words."""
LOST = "This reply cannot be read any more."


@dataclass(frozen=True)
class JudgedItem:
    """`place` is its number among the bake-off's items, from 1; `replies` in the order in which they were asked."""

    place: int
    item: Item
    first: str
    second: str
    replies: list[tuple[str, str]]
    said: list[tuple[Rater, int]]


@dataclass(frozen=True)
class JudgedSides:
    """One page, as the judge `by` (from 1) sees it."""

    one: Judged
    by: int
    judges: list[Rater]
    show: str
    counts: dict[str, int]
    items: list[JudgedItem]
    page: int

    @property
    def count(self) -> int:
        return self.counts[self.show]

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // PAGE_SIZE))

    @property
    def first(self) -> int:
        return min(self.count, (self.page - 1) * PAGE_SIZE + 1)

    @property
    def last(self) -> int:
        return min(self.count, self.page * PAGE_SIZE)


def judged_sides(one: Judged, query: Mapping[str, str], *, page: int) -> JudgedSides:
    """`by=1&show=turned&page=2`; raises BadQuery, Missing."""
    judges = [rater for rater in one.raters if not rater.person]
    if not judges:
        raise Missing("judge", "No judge has said anything yet.")
    text = query.get("by", "") or "1"
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:3]) <= len(judges)):
        raise BadQuery("by", f"A judge is a number from 1 to {len(judges)}, not {text[:40]!r}.")
    by, show = int(text), query.get("show", "") or "all"
    if show not in SHOWN:
        raise BadQuery("show", f"Shown are {', '.join(SHOWN)}, not {show[:40]!r}.")
    masks = masks_of(one, judges[by - 1])
    chosen = np.flatnonzero(masks[show])
    pages = max(1, -(-len(chosen) // PAGE_SIZE))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    some = chosen[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].tolist()
    counts = {name: int(mask.sum()) for name, mask in masks.items()}
    return JudgedSides(one, by, judges, show, counts, items_of(one, judges[by - 1], some), page)


def masks_of(one: Judged, judge: Rater) -> dict[str, np.ndarray[Any, Any]]:
    """Which items are shown as what, (n,) each."""
    said = np.stack([rater.outcomes for rater in one.raters])
    known = np.where(said == Outcome.UNREADABLE, np.nan, said.astype(float))
    told = ~np.isnan(known)
    lowest, highest = np.where(told, known, np.inf).min(axis=0), np.where(told, known, -np.inf).max(axis=0)
    return {
        "all": np.ones(one.judging.n, dtype=bool), "first": judge.outcomes == Outcome.FIRST,
        "second": judge.outcomes == Outcome.SECOND, "tied": judge.outcomes == Outcome.TIE, "turned": turned(one, judge),
        "unreadable": judge.outcomes == Outcome.UNREADABLE, "apart": (told.sum(axis=0) > 1) & (highest > lowest),
    }  # fmt: skip


def turned(one: Judged, judge: Rater) -> np.ndarray[Any, Any]:
    """The items whose winner changed with the order of the answers."""
    if not one.pairs or judge.judge is None or judge.judge.codes is None:
        return np.zeros(one.judging.n, dtype=bool)
    straight, swapped = np.split(codes(judge.judge.codes), 2)
    return np.asarray((straight == swapped) & np.isin(straight, (Reply.FIRST, Reply.SECOND)))


def items_of(one: Judged, judge: Rater, chosen: list[int]) -> list[JudgedItem]:
    """Items by their numbers in the judging, ascending."""
    row, bench = one.judging, one.bench
    numbers = np.frombuffer(row.places, dtype="<i4")[chosen].tolist()
    items = items_at(bench.course.version, bench.first.submission, numbers)
    first, second = (texts_at(of.submission, "first", numbers) for of in (bench.first, bench.second))
    assert judge.entrant is not None
    told = samples_at(judge.entrant.submission, [*chosen, *(row.n + number for number in chosen)])

    def reply(number: int) -> str:
        sample = told.get(number)
        return sample.responses[0] if sample and sample.responses else LOST

    names = ("First answer first", "Second answer first") if row.form == PAIRS else ("First answer", "Second answer")
    return [
        JudgedItem(
            numbers[place] + 1, items[place], first[place], second[place],
            list(zip(names, (reply(number), reply(row.n + number)), strict=True)),
            [(rater, int(rater.outcomes[number])) for rater in one.raters],
        )
        for place, number in enumerate(chosen)
    ]  # fmt: skip
