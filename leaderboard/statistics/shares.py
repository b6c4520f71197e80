"""Shares and scores counted into columns, for charts and their tables."""

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Integers

TENTHS = 10


def tenths(solved: ArrayLike, models: int) -> Integers:
    """How many items are solved by nobody, by each tenth of the models, and by everybody, (12,).

    `solved` (items,) counts the models that solve each of them. Column 1 + k holds shares in [k/10, (k + 1)/10) without
    0 and 1, which have columns 0 and 11. Whole numbers throughout: 3 of 10 models are in the fourth tenth, always.
    Raises ValueError for no models or counts outside 0 to `models`.
    """
    count = np.asarray(solved, dtype=np.int64)
    if models < 1 or (count < 0).any() or (count > models).any():
        raise ValueError("There must be at least one model, and from 0 to all of them solve an item.")
    column = 1 + TENTHS * count // models
    return np.bincount(np.where(count == 0, 0, column), minlength=TENTHS + 2)


def stacks(scores: ArrayLike, steps: int) -> Integers:
    """How many scores are nearest to each of 0, 1/steps ... 1, (steps + 1,); half-way goes up, and what rounding puts
    outside is at the ends. Raises ValueError for missing scores or no steps.
    """
    x = np.asarray(scores, dtype=float)
    if steps < 1 or np.isnan(x).any():
        raise ValueError("Scores must all be there, and so must a step.")
    # The slack keeps what is half-way, but for rounding, going up: 0.35 * 10 is less than 3.5 in floating point.
    place = np.clip(np.floor(x * steps + 0.5 + 1e-9), 0, steps).astype(np.int64)
    return np.bincount(place, minlength=steps + 1)
