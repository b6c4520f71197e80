"""The report of a bake-off: quality on the same prompts with paired tests, cost, latency, and what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from evaluator.contract import Spent
from leaderboard.answer_flags import CUT, EMPTY, EXTRACTED, REFUSED
from leaderboard.models import Job, Result, WorkloadAnswers, WorkloadSuite
from leaderboard.queries.bakeoffs import Course, Entrant
from leaderboard.queries.compare import Against
from leaderboard.queries.errors import BadQuery
from leaderboard.statistics.anytime import family_anytime, sequence
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.intervals import student, wilson
from leaderboard.statistics.many import compare_many, right_or_wrong
from leaderboard.statistics.paired import Answers
from leaderboard.statistics.verdict import Verdict, family

WIDEST, DEAREST = 50.0, 10_000.0
LEAST_TAGGED, MOST_TAGS = 5, 20
"""Items of a tag that is compared, and tags, the largest first."""
DIFFERENT = "their item sets differ"


@dataclass(frozen=True)
class Asked:
    """How the report is read: `margin` in points, `base` the baseline's number (from 1), `hour` dollars for an hour of
    a machine that runs weights."""

    margin: float
    base: int = 1
    hour: float | None = None


@dataclass(frozen=True)
class Measured:
    """What was measured of one model, item by item (n,): scores, flags, tokens (-1 unknown)."""

    entrant: Entrant
    result: Result
    scores: Floats
    flags: np.ndarray[Any, Any]
    tokens_in: np.ndarray[Any, Any]
    tokens_out: np.ndarray[Any, Any]

    @property
    def answers(self) -> Answers:
        return Answers(str(self.result.items_id), self.scores)


@dataclass(frozen=True)
class Line:
    """One model in the report; numbers of answers, points, dollars for 1,000 requests, seconds.

    What is None was not measured, or nobody knows: `cost_why` says so of the cost. `of`: the prompts that there are; it
    was asked `n` of them.
    """

    entrant: Entrant
    n: int
    of: int
    score: float
    low: float
    high: float
    against: Against | None
    unextracted: int
    refusals: int
    cut: int
    empty: int
    tokens_in: float | None
    tokens_out: float | None
    cost: float | None
    cost_why: str
    p50: float | None
    p95: float | None
    rate: float | None

    @property
    def is_base(self) -> bool:
        return self.against is None

    @property
    def stopped(self) -> bool:
        """Whether the rest was not asked any more."""
        return self.n < self.of


@dataclass(frozen=True)
class TagCell:
    score: float
    against: Against | None


@dataclass(frozen=True)
class TagRow:
    """One tag: the items that have it, and every model's score on them, in the report's order."""

    tag: str
    n: int
    cells: list[TagCell]


@dataclass(frozen=True)
class Report:
    """`lines` are the models that have a result, in the bake-off's order; `margin` in points."""

    course: Course
    asked: Asked
    lines: list[Line]
    tags: list[TagRow]
    measured: dict[int, Measured]

    @property
    def margin(self) -> float:
        return self.asked.margin

    @cached_property
    def base(self) -> Line | None:
        return next((one for one in self.lines if one.is_base), None)

    @cached_property
    def reach(self) -> float:
        """How far the axis of differences goes to either side of 0, in points."""
        found = [one.against for one in self.lines if one.against and one.against.verdict]
        furthest = max([abs(end) for one in found for end in (one.low, one.high)] + [2 * self.margin, 1.0])
        return float(next((step for step in (1, 2, 5, 10, 15, 20, 30, 50) if step >= furthest), 100))

    @property
    def cost_reasons(self) -> list[str]:
        """Why some models have no cost, each reason once."""
        return list(dict.fromkeys(one.cost_why for one in self.lines if one.cost_why))


def asked_of(query: Mapping[str, str], course: Course) -> Asked:
    """What an address asks for; raises BadQuery."""
    margin = number(query, "margin", WIDEST)
    base = query.get("base", "").strip() or "1"
    if not (base.isascii() and base.isdigit() and 1 <= int(base[:4]) <= len(course.entrants)):
        raise BadQuery("base", f"The baseline is a number from 1 to {len(course.entrants)}, not {base[:40]!r}.")
    return Asked(course.bakeoff.margin if margin is None else margin, int(base), number(query, "hour", DEAREST))


def number(query: Mapping[str, str], name: str, most: float) -> float | None:
    """A plain number from 0 to `most`, None where none is given; raises BadQuery."""
    text = query.get(name, "").strip()
    if not text:
        return None
    plain = text.replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit() and len(text) <= 12 and float(text) <= most):
        raise BadQuery(name, f"{name} is a number from 0 to {most:,g}, not {text[:40]!r}.")
    return float(text)


def report(course: Course, asked: Asked) -> Report:
    """Everything on the page but the items themselves. 3 queries."""
    found = measured(course)
    base = found.get(asked.base) or next(iter(found.values()), None)
    if base is None:
        return Report(course, asked, [], [], found)
    suite = WorkloadSuite.objects.get(suite=base.entrant.submission.suite_id)
    against = compared(list(found.values()), base, asked.margin, stops=suite.shuffled)
    lines = [line(one, against.get(number), asked, suite) for number, one in found.items()]
    return Report(course, asked, lines, by_tag(suite, list(found.values()), base, asked.margin), found)


def measured(course: Course) -> dict[int, Measured]:
    """By number, the models that have ended well."""
    done = {one.submission.pk: one for one in course.done}
    results = {row.submission_id: row for row in Result.everything.filter(submission__in=done, score__isnull=False)}
    noted = {row.submission_id: row for row in WorkloadAnswers.objects.filter(submission__in=done)}
    return {
        one.number: Measured(
            one, results[key], np.frombuffer(results[key].item_scores, dtype="<f4").astype(float),
            np.frombuffer(noted[key].flags, dtype=np.uint8), np.frombuffer(noted[key].tokens_in, dtype="<i4"),
            np.frombuffer(noted[key].tokens_out, dtype="<i4"),
        )
        for key, one in done.items() if key in results and key in noted
    }  # fmt: skip


def compared(found: Sequence[Measured], base: Measured, margin: float, *, stops: bool) -> dict[int, Against]:
    """Each model against the baseline, by number: one family of tests."""
    rest = [one for one in found if one is not base]
    pairs = {one.entrant.number: paired(one, base, stops=stops) for one in rest if same_items(one, base, stops=stops)}
    verdicts = verdicts_of(pairs, margin, stops=stops)
    return {
        one.entrant.number: Against(verdicts.get(one.entrant.number), reason=DIFFERENT) for one in rest
    }  # fmt: skip


def same_items(one: Measured, other: Measured, *, stops: bool) -> bool:
    """Whether the two can be compared. Models that are stopped have the first items of one shuffled suite."""
    return stops or one.answers.items == other.answers.items


def paired(one: Measured, other: Measured, *, stops: bool) -> tuple[Answers, Answers]:
    """Both on the items that both have."""
    if not stops:
        return one.answers, other.answers
    n = min(len(one.scores), len(other.scores))
    return Answers("", one.scores[:n]), Answers("", other.scores[:n])


def verdicts_of(pairs: Mapping[Any, tuple[Answers, Answers]], margin: float, *, stops: bool) -> dict[Any, Verdict]:
    """A word for each pair; `stops`: by intervals that hold whenever it was stopped."""
    if not pairs:
        return {}
    listed = list(pairs.values())
    if stops:
        return dict(zip(pairs, family_anytime(listed, margin=margin / 100), strict=True))
    return dict(zip(pairs, family(compare_many(listed, margin=margin / 100)), strict=True))


def line(one: Measured, against: Against | None, asked: Asked, suite: WorkloadSuite) -> Line:
    low, high = interval_of(one.scores, stops=suite.shuffled)
    spent, n = spent_of(one.entrant), len(one.scores)
    cost, why = cost_of(one.entrant, spent, n, asked.hour)
    seconds = number_in(one.entrant.submission.provenance.get("evaluation_seconds"))
    return Line(
        entrant=one.entrant, n=n, of=suite.n, score=100 * float(one.scores.mean()), low=low, high=high, against=against,
        unextracted=int((one.flags & EXTRACTED == 0).sum()), refusals=int((one.flags & REFUSED > 0).sum()),
        cut=int((one.flags & CUT > 0).sum()), empty=int((one.flags & EMPTY > 0).sum()),
        tokens_in=each(one.tokens_in, spent.input_tokens if spent else 0, n),
        tokens_out=each(one.tokens_out, spent.output_tokens if spent else 0, n),
        cost=cost, cost_why=why, p50=spent.p50_seconds if spent else None, p95=spent.p95_seconds if spent else None,
        rate=n / seconds if seconds else None,
    )  # fmt: skip


def interval_of(scores: Floats, *, stops: bool) -> tuple[float, float]:
    """95 %, in points: Wilson's of right or wrong items, else Student's t, cut to the scale; or whenever it `stops`."""
    n = len(scores)
    if stops:
        found = sequence(scores)
    elif right_or_wrong(scores):
        found = wilson(scores.sum(), n)
    else:
        found = student(scores.mean(), scores.std(ddof=1) / n**0.5, df=n - 1)
    return 100 * max(0.0, float(found.low)), 100 * min(1.0, float(found.high))


def each(counted: np.ndarray[Any, Any], told: int, n: int) -> float | None:
    """Tokens of an item, as counted one by one, or by an endpoint all together."""
    known = counted[counted >= 0]
    if len(known):
        return float(known.mean())
    return told / n if told else None


def spent_of(entrant: Entrant) -> Spent | None:
    """What an endpoint was asked, None for weights."""
    if entrant.use is None:
        return None
    jobs = [job for job in entrant.jobs if job.kind == Job.Kind.EVALUATION and job.spent]
    return msgspec.convert(jobs[-1].spent, Spent) if jobs else None


def cost_of(entrant: Entrant, spent: Spent | None, n: int, hour: float | None) -> tuple[float | None, str]:
    """Dollars for 1,000 requests, or None and why: as an endpoint's tokens were priced, or the time on a machine."""
    if entrant.use is not None:
        if spent is None or not spent.requests:
            return None, "Nothing was counted."
        if not spent.dollars:
            return None, "Nobody knows the price of its tokens."
        return 1_000 * spent.dollars / spent.requests, ""
    seconds = number_in(entrant.submission.provenance.get("evaluation_seconds"))
    if hour is None:
        return None, "Say what an hour of the machine costs."
    return (1_000 * hour * seconds / 3_600 / n, "") if seconds else (None, "Its time was not measured.")


def number_in(value: Any) -> float | None:
    """A positive number: provenance is what a worker wrote."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return float(value) if usable else None


def by_tag(suite: WorkloadSuite, found: Sequence[Measured], base: Measured, margin: float) -> list[TagRow]:
    """Every model on the items of each tag, the largest tags first; all these tests are one family."""
    stops, all_have = suite.shuffled, min(len(one.scores) for one in found)
    tags = tags_of(suite, all_have)
    rest = [one for one in found if one is not base and same_items(one, base, stops=stops)]
    pairs = {
        (tag, one.entrant.number): tagged(paired(one, base, stops=stops), items)
        for tag, items in tags.items() for one in rest
    }  # fmt: skip
    verdicts = verdicts_of(pairs, margin, stops=stops)
    return [
        TagRow(tag, len(items), [
            TagCell(
                100 * float(one.scores[items[items < len(one.scores)]].mean()),
                None if one is base else Against(verdicts.get((tag, one.entrant.number)), reason=DIFFERENT),
            )
            for one in found
        ])
        for tag, items in tags.items()
    ]  # fmt: skip


def tagged(pair: tuple[Answers, Answers], items: np.ndarray[Any, Any]) -> tuple[Answers, Answers]:
    """The two on those of these items that both have."""
    first, second = (np.asarray(one.scores) for one in pair)
    within = items[items < len(first)]
    return Answers("", first[within]), Answers("", second[within])


def tags_of(suite: WorkloadSuite, all_have: int) -> dict[str, np.ndarray[Any, Any]]:
    """The items of the largest tags; only tags of which every model was asked enough."""
    listed = sorted(suite.tags.items(), key=lambda one: (-len(one[1]), one[0]))[:MOST_TAGS]
    found = {tag: np.asarray(items) for tag, items in listed}
    return {tag: items for tag, items in found.items() if (items < all_have).sum() >= LEAST_TAGGED}
