"""Other ways to rank than the mean: percentile ranks, Borda count, mean win rate. They see positions, not distances.

All of them depend on who else is in the table: one more model can change the order of two others, which a mean cannot.
Tables are (models, tasks), higher is better (pass -x where lower is), NaN is a missing cell.
"""

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats, Integers


def percentile_ranks(table: ArrayLike) -> Floats:
    """100 x (models below + half of those equal, itself among them) / models present, for each task.

    Source: the mid-rank definition, scipy's `percentileofscore(kind="mean")`. (models, tasks) in and out, NaN stays
    NaN. A lone model stands at 50.
    """
    beaten, present = wins(table)
    return np.asarray(100 * (beaten + 0.5) / np.maximum(present, 1))


def win_rate(table: ArrayLike) -> Floats:
    """The chance to beat another model, drawn at random from those on the task, averaged over the model's tasks.

    (below + half of the others equal) / (present - 1). Source: HELM (Liang et al. 2022), mean win rate. (models,)
    fractions. Missing cells: a model is averaged over the tasks that it has, against those who have them; a task with
    one model says nothing; NaN where nothing is left.
    """
    beaten, present = wins(table)
    told = ~np.isnan(beaten) & (present > 1)
    rate = np.where(told, beaten / np.maximum(present - 1, 1), 0.0).sum(axis=1)
    tasks = told.sum(axis=1)
    return np.where(tasks > 0, rate / np.maximum(tasks, 1), np.nan)


def borda(table: ArrayLike) -> Floats:
    """Points, (models,): on every task one for each model beaten, half for each equal one.

    Source: Borda 1781; ties share (Black 1976). Missing cells: a comparison that was never made is half a point to
    both, so that a missing cell neither wins nor loses and the points always add up to tasks x models x (models - 1) /
    2. On a complete table the order is `win_rate`'s; with gaps Borda pulls a model with few tasks to the middle. A
    model without any cell gets NaN.
    """
    beaten, present = wins(table)
    models = len(beaten)
    unmet = np.where(np.isnan(beaten), models - 1, models - present)
    points = (np.nan_to_num(beaten) + unmet / 2).sum(axis=1)
    return np.where(np.isnan(beaten).all(axis=1), np.nan, points)


def wins(table: ArrayLike) -> tuple[Floats, Integers]:
    """Models below plus half of the others equal, (models, tasks), NaN where missing; models present, (tasks,).

    Raises ValueError for what is no table or holds an infinite cell. O(models log models) a task.
    """
    cells = np.asarray(table, dtype=float)
    if cells.ndim != 2 or np.isinf(cells).any():
        raise ValueError("The table must be models x tasks, of finite or missing cells.")
    beaten, present = np.full(cells.shape, np.nan), np.zeros(cells.shape[1], dtype=np.int64)
    for task, column in enumerate(cells.T):
        here = ~np.isnan(column)
        values = column[here]
        order = np.sort(values)
        below, upto = (np.searchsorted(order, values, side=side) for side in ("left", "right"))
        beaten[here, task] = below + (upto - below - 1) / 2
        present[task] = len(values)
    return beaten, present
