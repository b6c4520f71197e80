"""What a board's columns look like over its whole snapshot, so that every page, search and sort draws alike."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.columnar import table
from leaderboard.columnar.table import Numbers
from leaderboard.models import SuiteTask
from leaderboard.statistics.alternatives import percentile_ranks
from leaderboard.statistics.ranks import Z95

NORMALISED, PERCENTILE = "normalised", "percentile"
STEPS = (1, 2, 5, 10, 20, 25)
MAX_STEPS = 4


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


def columns(data: table.Columns, tasks: list[SuiteTask], view: str = "") -> Columns:
    """Ranges over all rows of a ranking, of scores as `task_values` has them; the best only among ranked rows. Worked
    out once for each ranking."""
    kept: dict[str, Columns] = data.kept.setdefault(columns, {})
    if view not in kept:
        kept[view] = drawn(data, tasks, view)
    return kept[view]


def drawn(data: table.Columns, tasks: list[SuiteTask], view: str) -> Columns:
    """As `columns`, from the numbers."""
    score, stderr, ranked = data.number("score"), data.number("stderr"), data.number("rank") > 0
    error = Z95 * np.nan_to_num(stderr)
    shown = []
    for task in tasks:
        values = task_values(data, task, view)
        low, high = known(np.nanquantile, values, (0.05, 0.95)) or (None, None)
        upwards = task.higher_is_better or view == PERCENTILE
        shown.append(Column(task, low, high, known(np.nanmax if upwards else np.nanmin, values[ranked])))
    return Columns(
        scale=scale(known(np.nanmin, score - error), known(np.nanmax, score + error)),
        best_score=known(np.nanmax, score[ranked]),
        intervals=not bool(np.isnan(stderr).all()),
        tasks=shown,
    )


def task_values(data: table.Columns, task: SuiteTask, view: str) -> Numbers:
    """A task's scores as fractions (n,), as a view shows them: the source's own normalised ones for "normalised", for
    "percentile" the share of models that a model is above (equal ones, itself among them, counted half)."""
    column = task_column(task.task, data, normalised=view == NORMALISED)
    values = data.number(column) / (100 if column.startswith("normalised:") else 1)
    if view != PERCENTILE:
        return values
    kept: dict[str, Numbers] = data.kept.setdefault(task_values, {})
    if task.task not in kept:
        upwards = values if task.higher_is_better else -values
        kept[task.task] = percentile_ranks(upwards[:, np.newaxis])[:, 0] / 100
    return kept[task.task]


def task_column(task: str, data: table.Columns, *, normalised: bool) -> str:
    """The column of a task's scores as they are shown: the source's own normalised ones where it has them."""
    own = table.task_column("normalised", task)
    return own if normalised and own in data.table.column_names else table.task_column("score", task)


def known(reduce: Callable[..., Any], values: Numbers, *arguments: Any) -> Any:
    """`reduce` of the numbers that are there, as plain Python; None where there are none."""
    if not len(values) or bool(np.isnan(values).all()):
        return None
    found = reduce(values, *arguments)
    return found.tolist() if isinstance(found, np.ndarray) else float(found)


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
