"""Scores between chance and perfect."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats


class Normalised(NamedTuple):
    """Score and standard error, 0-100."""

    score: Floats
    stderr: Floats


def normalise(score: ArrayLike, stderr: ArrayLike, baseline: ArrayLike = 0.0) -> Normalised:
    """100 max(0, (x - b) / (1 - b)) with standard error 100 se / (1 - b): the share of the way from chance to perfect.

    `score`, `stderr` and `baseline` (b, the score of chance) are fractions and broadcast, so that a table of models x
    tasks takes one baseline a task; a group of subtasks is normalised subtask by subtask, before any mean. NaN stays
    NaN.
    Source: Open LLM Leaderboard v2, "What's new" (2024); the error by the delta method, exact above chance as the map
    is linear there. At and below chance the map's slope is 0 and the delta method would print an error of 0, as if a
    guessing model were known exactly. The error keeps its scale instead: the true score may lie above chance, and the
    interval is then never too short. Raises ValueError for a baseline outside [0, 1).
    """
    b = np.asarray(baseline, dtype=float)
    if not ((b >= 0) & (b < 1)).all():
        raise ValueError(f"A baseline lies in [0, 1), not {b}.")
    x, error = np.asarray(score, dtype=float), np.asarray(stderr, dtype=float)
    return Normalised(np.maximum(0.0, 100 * (x - b) / (1 - b)), 100 * error / (1 - b))
