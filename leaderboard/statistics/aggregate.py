"""From task scores to a suite score.

Source: macro-mean over complete cells; normalisation as on the Open LLM Leaderboard v2,
100 max(0, (x - b) / (1 - b)) with b the score of chance.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class TaskScore(NamedTuple):
    """A task's score and standard error as fractions; `baseline` is the score of chance in [0, 1)."""

    score: float
    stderr: float
    baseline: float = 0.0


class SuiteScore(NamedTuple):
    """A suite's score and standard error, 0-100."""

    score: float
    stderr: float


def normalise(task: TaskScore) -> TaskScore:
    """The share of the way from chance to perfect, with its error scaled alike.

    A score at or below chance becomes 0; its error stays, for the true score may lie above chance.
    Raises ValueError for a baseline outside [0, 1).
    """
    if not 0 <= task.baseline < 1:
        raise ValueError(f"A baseline lies in [0, 1), not {task.baseline}.")
    scale = 1 - task.baseline
    return TaskScore(max(0.0, (task.score - task.baseline) / scale), task.stderr / scale)


def suite_score(tasks: Sequence[TaskScore], *, normalised: bool) -> SuiteScore:
    """100 x the mean over tasks, standard error sqrt(sum se^2) / k (tasks hold different items: independent).

    Raises ValueError for no tasks: a mean of nothing is not 0.
    """
    if not tasks:
        raise ValueError("A suite score needs at least one task.")
    used = [normalise(task) for task in tasks] if normalised else list(tasks)
    mean = sum(task.score for task in used) / len(used)
    error = math.sqrt(sum(task.stderr**2 for task in used)) / len(used)
    return SuiteScore(100 * mean, 100 * error)
