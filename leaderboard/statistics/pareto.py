"""The front of two aims: who is better than everybody who costs no more."""

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike


def front(cost: ArrayLike, score: ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether no other has at least the score for at most the cost, one of them strictly, (n,).

    Source: Pareto efficiency; by one pass in order of cost. Equal ones in both are on the front together. Scores are
    taken as they are: an interval that reaches above the front is no reason to be on it. Raises ValueError for missing
    numbers or lists of different lengths.
    """
    x, y = np.asarray(cost, dtype=float), np.asarray(score, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("A front needs two lists of the same length without missing numbers.")
    order = np.lexsort((-y, x))
    found = np.zeros(len(x), dtype=bool)
    if not len(x):
        return found
    ordered = y[order]
    before = np.concatenate(([-np.inf], np.maximum.accumulate(ordered)[:-1]))
    found[order] = ordered > before
    # Equal in both to one that is on the front.
    best = {pair for pair, on in zip(zip(x.tolist(), y.tolist(), strict=True), found.tolist(), strict=True) if on}
    found |= np.array([pair in best for pair in zip(x.tolist(), y.tolist(), strict=True)])
    return found
