"""The paired tests behind the gap: each side's best against the other side's steps, item by item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_

import numpy as np
from django.db.models import Q

from leaderboard.models import Result, Suite, SuiteTask
from leaderboard.queries.measured import SLACK
from leaderboard.queries.pairing import ascending
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.frontier import Against, Lag, lag
from leaderboard.statistics.many import compare_many
from leaderboard.statistics.paired import Answers
from leaderboard.statistics.verdict import Comparison, Verdict, compare_suites, family

MARGIN = 1.0
"""Points within which two bests are called equivalent."""
EPOCH = date(1970, 1, 1)
Answered = Mapping[tuple[int, int], Floats]
"""(task, submission) -> item scores (n,), as they are stored."""


@dataclass(frozen=True)
class Step:
    """A model that scored more than every one released before it, 0-100; `half` of its 95 % interval.

    `perfect`: the best score that there is. `key` as on boards: s12, i34.
    """

    key: str
    submission: int | None
    model: str
    day: date
    score: float
    half: float | None
    perfect: float | None = None

    @property
    def low(self) -> float | None:
        return None if self.half is None else self.score - self.half

    @property
    def high(self) -> float | None:
        return None if self.half is None else self.score + self.half

    @property
    def reaches(self) -> bool:
        """Whether its interval holds a perfect score."""
        return self.half is not None and self.perfect is not None and abs(self.perfect - self.score) <= self.half + 1e-9


@dataclass(frozen=True)
class Today:
    """Both bests as they stand: the proprietary one minus the open one, in points, with its 95 % interval on identical
    items. `lag`: how long the side behind (`behind`: "open" or "proprietary") came after the other; None where neither
    is ahead."""

    open: Step
    proprietary: Step
    verdict: Verdict
    sign: int
    behind: str
    lag: Lag | None
    at: Step | None
    """The other side's step that the lag is counted from."""

    @property
    def comparison(self) -> Comparison:
        return self.verdict.comparison

    @property
    def difference(self) -> float:
        return 100 * self.sign * self.comparison.difference

    @property
    def low(self) -> float:
        return 100 * (self.comparison.low if self.sign > 0 else -self.comparison.high)

    @property
    def high(self) -> float:
        return 100 * (self.comparison.high if self.sign > 0 else -self.comparison.low)


def answers(wanted: Mapping[int, set[int]]) -> Answered:
    """The items of the submissions wanted of each task. 1 query, none for nothing."""
    if not wanted:
        return {}
    chosen = reduce(or_, (Q(task=task, submission__in=sorted(keys)) for task, keys in wanted.items()))
    rows = Result.objects.filter(chosen).values_list("task_id", "submission_id", "item_scores")
    return {(task, key): np.frombuffer(scores, dtype="<f4").astype(float) for task, key, scores in rows}


def today(
    suite: Suite, tasks: list[SuiteTask], opens: Sequence[Step], proprietaries: Sequence[Step], found: Answered,
    *, whole: bool,
) -> Today | None:  # fmt: skip
    """What the bests come to; None where their items are not kept."""
    ours, theirs = opens[-1], proprietaries[-1]
    [between] = tested(suite, tasks, [(theirs, ours)], found, whole=whole)
    if between is None:
        return None
    sign = 1 if whole or tasks[0].higher_is_better else -1
    behind = "" if between.difference == 0 else "open" if between.difference > 0 else "proprietary"
    own, others = (theirs, opens) if behind == "proprietary" else (ours, proprietaries)
    against = tested(suite, tasks, [(one, own) for one in others], found, whole=whole) if behind else []
    known = [(step, one) for step, one in zip(others, against, strict=False) if one is not None]
    steps = [Against(one.difference, one.low, one.high) for _, one in known]
    late = lag((own.day - EPOCH).days, [(step.day - EPOCH).days for step, _ in known], steps)
    at = next((step for step, one in known if one.difference >= 0), None)
    return Today(ours, theirs, family([between])[0], sign, behind, late, at if late else None)


def tested(
    suite: Suite, tasks: list[SuiteTask], pairs: Sequence[tuple[Step, Step]], found: Answered, *, whole: bool
) -> list[Comparison | None]:
    """First minus second of each pair, higher is better; None where items are missing, or are no fractions."""
    every = [[paired(task, first, second, found) for task in tasks] for first, second in pairs]
    usable = [[one for one in of if one is not None] for of in every]
    if whole:
        weights = [1 / len(tasks) / ((1 - task.baseline) if suite.normalise else 1) for task in tasks]
        return [
            compare_suites(of, margin=MARGIN / 100, weights=weights) if len(of) == len(tasks) else None for of in usable
        ]
    compared = iter(compare_many([of[0] for of in usable if of], margin=MARGIN / 100))
    return [next(compared) if of else None for of in usable]


def paired(task: SuiteTask, first: Step, second: Step, found: Answered) -> tuple[Answers, Answers] | None:
    scores = [found.get((task.pk, step.submission or 0)) for step in (first, second)]
    if any(
        one is None or len(one) < 2 or not np.isfinite(one).all() or (one < -SLACK).any() or (one > 1 + SLACK).any()
        for one in scores
    ):
        return None
    ours, theirs = (ascending(one, task) for one in scores if one is not None)
    return (Answers("same", ours), Answers("same", theirs)) if len(ours) == len(theirs) else None
