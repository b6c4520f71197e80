"""The items of a bake-off side by side: where two models disagree, with what each of them said."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from evaluator.contract import Sample
from evaluator.scoring.scored import Scored, score
from evaluator.scoring.spec import Any_, scoring_of
from evaluator.suites.workload import FILTER
from leaderboard import chunks
from leaderboard.answer_flags import CUT, EXTRACTED, REFUSED
from leaderboard.models import SampleChunk, Submission, WorkloadItems, WorkloadSuite
from leaderboard.queries.bakeoff_report import Measured, Report, same_items
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.word_diff import Piece, differing
from leaderboard.workloads.packed import items_in
from leaderboard.workloads.records import Item

PAGE_SIZE = 10
SHOWN = {
    "differ": "They differ", "first": "A better", "second": "B better", "neither": "Neither right",
    "both": "Both right",    "unextracted": "Not in the form asked for", "refused": "Refused", "all": "All",
}  # fmt: skip
"""What may be shown, in words. Of right-or-wrong items "A better" is "A right, B wrong"."""
ANSWERED = SHOWN | {
    "first": "Only A answered", "second": "Only B answered", "neither": "Neither answered", "both": "Both answered",
}  # fmt: skip
"""The same where judges say what is right."""


@dataclass(frozen=True)
class Said:
    """What one model answered: `judged` says what was taken for the answer, and why there is none; `reason` why a
    program did not pass."""

    measured: Measured
    score: float
    text: str
    thinking: str
    judged: Scored
    refused: bool
    cut: bool
    problem: str = ""
    reason: str = ""

    @property
    def right(self) -> bool:
        return self.score >= 1


@dataclass(frozen=True)
class Side:
    """An item with both answers; `number` is its place in the workload, from 1."""

    number: int
    item: Item
    first: Said
    second: Said

    @cached_property
    def pieces(self) -> tuple[list[Piece], list[Piece]]:
        """Both answers word by word, none where that would show nothing."""
        return differing(self.first.text, self.second.text)


@dataclass(frozen=True)
class Sides:
    """One page. `counts` by what may be shown."""

    report: Report
    a: Measured
    b: Measured
    show: str
    tag: str
    tags: list[str]
    counts: dict[str, int]
    items: list[Side]
    page: int

    @property
    def chosen(self) -> list[tuple[str, Measured]]:
        """The two, by their letters."""
        return [("A", self.a), ("B", self.b)]

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


def sides(report: Report, query: Mapping[str, str], *, page: int) -> Sides:
    """`a=1&b=2&show=first&tag=...`: a page of items on which model a and model b are compared. Raises BadQuery,
    Missing."""
    first, second = pair_of(report, query)
    show, tag = query.get("show", "") or "differ", query.get("tag", "")
    if show not in SHOWN:
        raise BadQuery("show", f"Shown are {', '.join(SHOWN)}, not {show[:40]!r}.")
    suite = WorkloadSuite.objects.get(suite=first.entrant.submission.suite_id)
    both = min(len(first.scores), len(second.scores))
    within = np.ones(suite.n, dtype=bool)
    if tag:
        if tag not in suite.tags:
            raise Missing("tag", f"No item has the tag {tag[:60]!r}.")
        within[:] = False
        within[suite.tags[tag]] = True
    masks = {name: mask & within[:both] for name, mask in masks_of(first, second, both, suite.shuffled).items()}
    chosen = in_order(np.flatnonzero(masks[show]), suite)
    pages = max(1, -(-len(chosen) // PAGE_SIZE))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    some = chosen[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].tolist()
    return Sides(
        report, first, second, show, tag, sorted(suite.tags)[:100],
        {name: int(mask.sum()) for name, mask in masks.items()}, items_of(report, suite, first, second, some), page,
    )  # fmt: skip


def pair_of(report: Report, query: Mapping[str, str]) -> tuple[Measured, Measured]:
    """The two models asked for, by number; without a word the baseline and the next one."""
    if len(report.measured) < 2:
        raise Missing("models", "Items can be compared once two models have been measured.")
    base = report.base.entrant.number if report.base else 0
    other = next(number for number in report.measured if number != base)
    chosen = []
    for name, usual in (("a", base), ("b", other)):
        text = query.get(name, "") or str(usual)
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
        if number not in report.measured:
            raise BadQuery(name, f"{name} is the number of a model that was measured, not {text[:40]!r}.")
        chosen.append(report.measured[number])
    return chosen[0], chosen[1]


def masks_of(first: Measured, second: Measured, n: int, stops: bool) -> dict[str, np.ndarray[Any, Any]]:
    """Which of the n items that both have are shown as what, (n,) each; raises BadQuery where they are different
    ones."""
    if not same_items(first, second, stops=stops):
        raise BadQuery("b", "The two were measured on different items.")
    a, b, flags, others = first.scores[:n], second.scores[:n], first.flags[:n], second.flags[:n]
    return {
        "differ": a != b, "first": a > b, "second": b > a, "neither": (a < 1) & (b < 1), "both": (a >= 1) & (b >= 1),
        "unextracted": (flags & others & EXTRACTED) == 0, "refused": ((flags | others) & REFUSED) > 0,
        "all": np.ones(n, dtype=bool),
    }  # fmt: skip


def in_order(chosen: np.ndarray[Any, Any], suite: WorkloadSuite) -> np.ndarray[Any, Any]:
    """As they stand in the workload, also where they were asked in another order."""
    places = np.frombuffer(suite.places, dtype="<i4")
    return chosen[np.argsort(places[chosen])]


def items_of(
    report: Report, suite: WorkloadSuite, first: Measured, second: Measured, chosen: Sequence[int]
) -> list[Side]:
    """Items by their numbers among those that count, with both answers."""
    places = np.frombuffer(suite.places, dtype="<i4")
    stored = stored_items(report.course.version.items, places[chosen].tolist())
    scoring = scoring_of(report.course.version.scoring)
    told = {one.entrant.number: samples_at(one.entrant.submission, chosen) for one in (first, second)}
    return [
        Side(
            int(places[number]) + 1, item,
            *(said(one, number, item, scoring, told[one.entrant.number]) for one in (first, second)),
        )
        for number, item in zip(chosen, stored, strict=True)
    ]  # fmt: skip


def said(one: Measured, number: int, item: Item, scoring: Any_, told: Mapping[int, Sample]) -> Said:
    sample, flags = told.get(number), int(one.flags[number])
    text = sample.responses[0] if sample and sample.responses else ""
    return Said(
        measured=one, score=float(one.scores[number]), text=text,
        thinking=sample.thinking[0] if sample and sample.thinking else "",
        judged=score(scoring, text, item.references, item.choices), refused=bool(flags & REFUSED),
        cut=bool(flags & CUT), problem="" if sample else "Its answer cannot be read any more.",
        reason=sample.reasons.get(FILTER, "") if sample else "",
    )  # fmt: skip


def stored_items(items: WorkloadItems, places: Sequence[int]) -> list[Item]:
    """The items at these places, ascending; reads only the parts that hold them."""
    found: dict[int, Item] = {}
    wanted = set(places)
    if wanted:
        for part in items.parts.filter(first__lte=max(wanted)).order_by("first").only("first", "n").iterator():
            inside = [place for place in wanted if part.first <= place < part.first + part.n]
            if inside:
                held = items_in(items.parts.get(pk=part.pk).data)
                found |= {place: held[place - part.first] for place in inside}
    return [found[place] for place in places]


def samples_at(row: Submission, numbers: Iterable[int]) -> dict[int, Sample]:
    """The samples with these numbers; whole chunks are passed over unread. What cannot be read is left out."""
    wanted, found, begun = sorted(set(numbers)), dict[int, Sample](), 0
    for chunk in chunks.kept(row):
        inside = {number - begun for number in wanted if begun <= number < begun + chunk.samples}
        if inside:
            found |= {begun + number: sample for number, sample in taken(chunk, inside)}
        begun += chunk.samples
    return found


def taken(chunk: SampleChunk, numbers: Set[int]) -> Iterator[tuple[int, Sample]]:
    """Those of a chunk's samples, in order."""
    try:
        for number, sample in enumerate(islice(chunks.stored([chunk]), max(numbers) + 1)):
            if number in numbers:
                yield number, sample
    except chunks.Unreadable:
        return
