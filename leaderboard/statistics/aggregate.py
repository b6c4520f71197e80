"""From task scores to one score: a suite's, a reader's own weighting, a group's. Tasks hold different items, so their
errors are independent."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.normalise import normalise


class TaskScore(NamedTuple):
    """A task's score and standard error as fractions; `baseline` is the score of chance in [0, 1)."""

    score: float
    stderr: float
    baseline: float = 0.0


DIGITS = 10
"""Behind the point of a suite's score: far more than any number of items can tell apart."""


class SuiteScore(NamedTuple):
    """A suite's score and standard error, 0-100."""

    score: float
    stderr: float


class Mean(NamedTuple):
    """Means and their standard errors in the unit of the cells; NaN where a cell that counts is missing."""

    score: Floats
    stderr: Floats


def suite_score(tasks: Sequence[TaskScore], *, normalised: bool) -> SuiteScore:
    """100 x the mean over tasks, each normalised against chance first if `normalised`, with `macro_mean`'s error.

    To DIGITS: the last bits of a sum depend on its order, and models with equal means would not tie.
    Raises ValueError for no tasks: a mean of nothing is not 0.
    """
    if not tasks:
        raise ValueError("A suite score needs at least one task.")
    score, stderr, baseline = np.array(tasks, dtype=float).T
    total = macro_mean(*normalise(score, stderr, baseline if normalised else 0.0))
    return SuiteScore(round(float(total.score), DIGITS), float(total.stderr))


def macro_mean(scores: ArrayLike, stderrs: ArrayLike) -> Mean:
    """The mean over k tasks (last axis) with standard error sqrt(sum se^2) / k; every task counts alike.

    Source: variance of a mean of independent estimates. (..., k) in, (...,) out, e.g. 100,000 models x 40 tasks. Only
    complete rows have a mean: a missing (NaN) cell makes the row's score NaN, for the mean of the other tasks would
    measure something else; a missing error makes only the error NaN. Raises ValueError for no tasks.
    """
    return weighted_mean(scores, stderrs, np.ones(np.shape(scores)[-1:]))


def weighted_mean(scores: ArrayLike, stderrs: ArrayLike, weights: ArrayLike) -> Mean:
    """sum w x / sum w with standard error sqrt(sum w^2 se^2) / sum w: a reader's own score.

    (..., k), (..., k) and (k,) in, (...,) out. A task of weight 0 does not count, so it may be missing; otherwise
    missing cells are `macro_mean`'s. Raises ValueError for weights that are negative, not finite, or all 0.
    """
    x, error, w = (np.asarray(values, dtype=float) for values in (scores, stderrs, weights))
    if x.shape != error.shape or x.ndim < 1 or w.shape != x.shape[-1:]:
        raise ValueError("Scores, standard errors and weights must be over the same tasks.")
    if not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise ValueError("Weights must be finite, not negative, and not all 0.")
    if (error < 0).any():
        raise ValueError("Standard errors must not be negative.")
    used = w > 0
    share = w[used] / w.sum()
    return Mean(x[..., used] @ share, np.sqrt(error[..., used] ** 2 @ share**2))


def group_score(scores: ArrayLike, stderrs: ArrayLike, sizes: ArrayLike, *, weight_by_size: bool) -> Mean:
    """The score of a group of subtasks as lm-eval's `weight_by_size` says: by number of items, or all alike.

    Source: lm-eval 0.4.13, `aggregate_subtask_metrics`. The errors are the stratified ones, sqrt(sum n^2 se^2) / N and
    sqrt(sum se^2) / k; lm-eval's `unweighted_mean_stderr` is the latter, its `pooled_sample_stderr` has n (n - 1) / (N
    - k) N for n^2 / N^2: the same for subtasks of one size, within 1 / n otherwise. (..., k), (..., k) and (k,) item
    counts in.
    Raises ValueError for a size under 1.
    """
    n = np.asarray(sizes, dtype=float)
    if not (n >= 1).all():
        raise ValueError("A subtask holds at least one item.")
    return weighted_mean(scores, stderrs, n if weight_by_size else np.ones_like(n))
