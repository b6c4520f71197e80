"""Many tests at once."""

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats


def holm(p_values: ArrayLike, *, true_at_most: int | None = None) -> Floats:
    """p-values adjusted so that rejecting those <= alpha errs anywhere in the family with probability at most alpha.

    Sorted ascending, the j-th of m is max over i <= j of min(1, p_i x (m - i + 1)), (m,) in the order given; any
    dependence. Where the hypotheses exclude each other and no more than `true_at_most` of them can be true together,
    the factor is min(true_at_most, m - i + 1): Shaffer's improvement.
    Source: Holm 1979; Shaffer 1986. NaN stays NaN and counts in no family. Raises ValueError for p outside [0, 1].
    """
    p = np.asarray(p_values, dtype=float)
    tested = ~np.isnan(p)
    if p.ndim != 1 or ((p[tested] < 0) | (p[tested] > 1)).any():
        raise ValueError("p-values must be a list of numbers in [0, 1].")
    values, m = p[tested], int(tested.sum())
    order = np.argsort(values, kind="stable")
    factor = np.minimum(m - np.arange(m), m if true_at_most is None else true_at_most)
    adjusted, out = np.empty(m), np.full(p.shape, np.nan)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, values[order] * factor))
    out[tested] = adjusted
    return out
