"""Ranks, and how sure they are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: score +- Z95 x stderr covers 95 %."""


class Rank(NamedTuple):
    """`rank` counts strictly better scores plus one (equal scores share it); [low, high] contains it."""

    rank: int
    low: int
    high: int


def ranks(scores: Sequence[float], stderrs: Sequence[float]) -> list[Rank]:
    """Rank of each of N models, higher scores first, in the order given.

    low = 1 + models whose lower bound exceeds your upper bound; high = N - models whose upper bound is below your
    lower bound, with 95 % bounds score +- 1.96 stderr. O(N log N) by sorting the bounds.
    """
    score, error = np.asarray(scores, dtype=float), np.asarray(stderrs, dtype=float)
    if score.shape != error.shape or score.ndim != 1:
        raise ValueError("Scores and standard errors must be two lists of the same length.")
    if not (np.isfinite(score).all() and np.isfinite(error).all() and (error >= 0).all()):
        raise ValueError("Scores must be finite and standard errors finite and not negative.")
    lower, upper = score - Z95 * error, score + Z95 * error
    n = len(score)
    better = n - np.searchsorted(np.sort(score), score, side="right")
    surely_better = n - np.searchsorted(np.sort(lower), upper, side="right")
    surely_worse = np.searchsorted(np.sort(upper), lower, side="left")
    return [
        Rank(int(rank) + 1, int(low) + 1, n - int(high))
        for rank, low, high in zip(better, surely_better, surely_worse, strict=True)
    ]


def places(scores: Sequence[float]) -> list[int]:
    """The plain rank of each score, higher first: strictly better scores plus one, equal scores share it.

    For scores without standard errors, which allow no interval.
    """
    score = np.asarray(scores, dtype=float)
    return [int(place) for place in len(score) - np.searchsorted(np.sort(score), score, side="right") + 1]
