"""What a board's columns look like over its whole snapshot, so that every page, search and sort draws alike."""

import math
from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, Count, F, FloatField, Max, Min, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from leaderboard.models import Snapshot, SnapshotRow, SuiteTask
from leaderboard.statistics.ranks import Z95

STEPS = (1, 2, 5, 10, 20, 25)
MAX_STEPS = 4


class Quantile(Aggregate):
    """The value below which `fraction` of the values lie."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Scale:
    """The common axis of all error bars: from `low` to `high` (0-100) with a tick every `step`."""

    low: float = 0
    high: float = 100
    step: float = 25

    @property
    def ticks(self) -> list[float]:
        return [self.low + self.step * index for index in range(round((self.high - self.low) / self.step) + 1)]


@dataclass(frozen=True)
class Column:
    """A task with the 5 % and 95 % quantiles of its scores (fractions; one outlier must not bleach all others) and the
    best one of a ranked row; None while there are none."""

    task: SuiteTask
    low: float | None
    high: float | None
    best: float | None


@dataclass(frozen=True)
class Columns:
    """The score column's axis and best score, whether any row has an interval, and each task's column."""

    scale: Scale
    best_score: float | None
    intervals: bool
    tasks: list[Column]


def task_score(task: str, *, normalised: bool = False) -> Any:
    """The score of `task` in a row's `tasks`, as a fraction that the database sorts and aggregates by.

    `normalised`: the source's own number, from chance to perfect (imported rows alone have one).
    """
    cell = KeyTextTransform(task, "tasks")
    if normalised:
        return Cast(KeyTextTransform("normalised", cell), FloatField()) / 100.0
    return Cast(KeyTextTransform("score", cell), FloatField())


def columns(snapshot: Snapshot | None, tasks: list[SuiteTask], *, normalised: bool = False) -> Columns:
    """Ranges over all rows of `snapshot`, in one query; the best only among ranked rows."""
    rows = SnapshotRow.objects.filter(snapshot=snapshot)
    error, ranked = Z95 * Coalesce(F("stderr"), 0.0), Q(rank__isnull=False)
    wanted: dict[str, Any] = {
        "low": Min(F("score") - error),
        "high": Max(F("score") + error),
        "best": Max("score", filter=ranked),
        "errors": Count("stderr"),
    }
    for index, task in enumerate(tasks):
        cell, best = task_score(task.task, normalised=normalised), Max if task.higher_is_better else Min
        wanted |= {
            f"low_{index}": Quantile(cell, fraction=0.05),
            f"high_{index}": Quantile(cell, fraction=0.95),
            f"best_{index}": best(cell, filter=ranked),
        }
    found = rows.aggregate(**wanted)
    return Columns(
        scale=scale(found["low"], found["high"]),
        best_score=found["best"],
        intervals=found["errors"] > 0,
        tasks=[
            Column(task, found[f"low_{index}"], found[f"high_{index}"], found[f"best_{index}"])
            for index, task in enumerate(tasks)
        ],
    )


def scale(low: float | None, high: float | None) -> Scale:
    """The tightest axis with round ends, inside 0-100, that holds everything from `low` to `high`."""
    if low is None or high is None:
        return Scale()
    low, high = max(0.0, low), min(100.0, high)
    for step in STEPS:
        first, last = min(math.floor(low / step) * step, 100 - step), math.ceil(high / step) * step
        if last - first <= MAX_STEPS * step and last <= 100:
            return Scale(first, max(last, first + step), step)
    return Scale()
