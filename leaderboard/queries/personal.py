"""A reader's own score: tasks weighed as the address says, with its error. It orders rows and claims no rank."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.columnar import table
from leaderboard.columnar.table import Numbers
from leaderboard.models import Suite, SuiteTask
from leaderboard.queries.errors import BadQuery
from leaderboard.statistics.aggregate import weighted_mean
from leaderboard.statistics.normalise import normalise

PREFIX = "w."
"""In an address, before the task: `?w.gsm8k=2`."""
MOST = 1_000.0


@dataclass(frozen=True)
class Own:
    """`weights`: of tasks that count. `score`, `stderr`: of every row of the ranking (n,), 0-100, NaN where a task that
    counts is missing, or has no error."""

    weights: dict[str, float]
    score: Numbers
    stderr: Numbers


def own_score(data: table.Columns, suite: Suite, tasks: Sequence[SuiteTask], asked: Mapping[str, str]) -> Own | None:
    """The score that these weights give, None where none is above 0. Tasks count as in the suite's own score.

    Raises BadQuery for an unknown task, one where lower is better, and what is no weight.
    """
    weights = weights_of(tasks, asked)
    if not weights:
        return None
    counted = [task for task in tasks if task.task in weights]
    parts = [counts_as(data, suite, task) for task in counted]
    found = weighted_mean(
        np.stack([score for score, _ in parts], axis=-1),
        np.stack([stderr for _, stderr in parts], axis=-1),
        [weights[task.task] for task in counted],
    )
    return Own(weights, found.score, found.stderr)


def weights_of(tasks: Sequence[SuiteTask], asked: Mapping[str, str]) -> dict[str, float]:
    """The weights above 0, by task; empty texts are none."""
    known = {task.task: task for task in tasks}
    weights: dict[str, float] = {}
    for name, text in asked.items():
        if name not in known:
            raise BadQuery("weights", f"There is no task {name[:60]!r} to weigh. Tasks: {', '.join(known)}.")
        if not text.strip():
            continue
        weight = number(text)
        if weight is None or not 0 <= weight <= MOST:
            raise BadQuery("weights", f"A weight is a number from 0 to {MOST:g}; {name} has {text[:40]!r}.")
        if weight and not known[name].higher_is_better:
            raise BadQuery("weights", f"Of {name} less is better: it cannot be averaged with scores.")
        if weight:
            weights[name] = weight
    return weights


def number(text: str) -> float | None:
    """A plain decimal number, None for anything else."""
    try:
        value = float(text) if text.isascii() and len(text) <= 40 else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def counts_as(data: table.Columns, suite: Suite, task: SuiteTask) -> tuple[Numbers, Numbers]:
    """A task's scores and errors, 0-100 (n,), as the suite's score counts them: the source's own normalised ones where
    it has them."""
    names = data.table.column_names
    own, error = table.task_column("normalised", task.task), table.task_column("stderr", task.task)
    stderr = data.number(error) if error in names else np.full(len(data), np.nan)
    if own in names:
        return data.number(own), np.full(len(data), np.nan)  # the source states no error of its own normalisation
    return normalise(
        data.number(table.task_column("score", task.task)), stderr, task.baseline if suite.normalise else 0.0
    )
