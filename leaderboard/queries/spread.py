"""What the scores of all models on a suite say about its tasks: how they lie, which is used up, what is noise."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.db.models import F, QuerySet

from leaderboard.models import Imported, Result, Submission, Suite, SuiteTask
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.difficulty import saturation
from leaderboard.statistics.power import noise_floor

MOST_MODELS = 10_000
"""A page reads the newest runs of no more models, measured and imported each."""
TOP = 10
"""How many of the best models say whether a task is used up."""


class Cell(NamedTuple):
    """One task's score of one model (fractions); `measured`: by this site's workers."""

    task: str
    model: str
    measured: bool
    score: float
    stderr: float | None
    n: int


@dataclass(frozen=True)
class Spread:
    """A task's scores over the models, all fractions. `items` are the numbers of items that results have, in order.

    `top` of the best models have a standard error, and `reaching` of them reach a perfect score within their interval.
    `noise`: two models' scores of the task that differ by less are not told apart; None without standard errors.
    """

    task: SuiteTask
    scores: Floats
    quartiles: tuple[float, float, float, float, float] | None
    items: list[int]
    top: int
    reaching: int
    noise: float | None

    @property
    def models(self) -> int:
        return len(self.scores)

    @property
    def used_up(self) -> float:
        """The share of the best models that reach a perfect score."""
        return self.reaching / self.top if self.top else 0.0


def cells(suite: Suite) -> list[Cell]:
    """Every score of the newest run of each model; what was measured here comes before what was imported. 2 queries."""
    newest = newest_runs(suite).order_by("-pk")[:MOST_MODELS]
    measured = (
        Result.objects.filter(submission__in=newest)
        .order_by("-submission_id", "task__position")
        .values_list("task__task", "submission__revision__model__name", "score", "stderr", "n")
    )
    found = [
        Cell(task, model, True, score, stderr, n) for task, model, score, stderr, n in measured if score is not None
    ]
    here = {cell.model for cell in found}
    for model, tasks in imported_runs(suite):
        if model not in here:
            found += [
                Cell(task, model, False, cell["score"], cell["stderr"], cell["n"])
                for task, cell in tasks.items()
                if cell["score"] is not None
            ]
    return found


def newest_runs(suite: Suite) -> QuerySet[Submission]:
    """The newest succeeded submission of each model, by its key."""
    succeeded = Submission.objects.filter(suite=suite, state=Submission.State.SUCCEEDED)
    one_each = succeeded.order_by("revision__model_id", "-id").distinct("revision__model_id")
    return Submission.objects.filter(pk__in=one_each.values("pk")).values("pk")  # type: ignore[return-value]


def imported_runs(suite: Suite) -> Iterable[tuple[str, dict[str, dict[str, Any]]]]:
    """The newest current import of each model: its name and its cells."""
    current = Imported.objects.filter(suite=suite, superseded_at=None)
    one_each = current.order_by("revision__model_id", "-id").distinct("revision__model_id").values("pk")
    rows = Imported.objects.filter(pk__in=one_each).order_by("-pk").annotate(model=F("revision__model__name"))
    return rows.values_list("model", "tasks")[:MOST_MODELS]


def spreads(tasks: Iterable[SuiteTask], found: list[Cell]) -> list[Spread]:
    by_task: dict[str, list[Cell]] = {}
    for cell in found:
        by_task.setdefault(cell.task, []).append(cell)
    return [spread(task, by_task.get(task.task, [])) for task in tasks]


def spread(task: SuiteTask, found: list[Cell]) -> Spread:
    scores = np.array([cell.score for cell in found], dtype=float)
    errors = np.array([math.nan if cell.stderr is None else cell.stderr for cell in found], dtype=float)
    top = min(TOP, int((~np.isnan(errors)).sum()))
    share = saturation(scores if task.higher_is_better else 1 - scores, errors, top=TOP)
    typical = typical_error(errors)
    low, first, middle, third, high = np.quantile(scores, [0, 0.25, 0.5, 0.75, 1]).tolist() if found else [0.0] * 5
    return Spread(
        task=task, scores=scores, quartiles=(low, first, middle, third, high) if found else None,
        items=sorted({cell.n for cell in found if cell.n}), top=top, reaching=round(share * top) if top else 0,
        noise=None if typical is None else noise_floor([typical]),
    )  # fmt: skip


def typical_error(errors: Floats) -> float | None:
    """The median standard error of those that there are."""
    known = errors[~np.isnan(errors)]
    return float(np.median(known)) if len(known) else None


def suite_noise(suite: Suite, tasks: list[SuiteTask], found: list[Cell]) -> float | None:
    """Two suite scores (0-100) that differ by less are noise, at 95 %; None where a task has no standard errors."""
    typical = []
    for task in tasks:
        errors = [cell.stderr for cell in found if cell.task == task.task and cell.stderr is not None]
        if not errors:
            return None
        scale = 100 / (1 - task.baseline) if suite.normalise else 100.0
        typical.append(scale * float(np.median(errors)))
    return noise_floor(typical)
