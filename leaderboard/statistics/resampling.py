"""Paired differences without a formula for their spread: the bootstrap (BCa) and the sign-flip permutation test."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics.arrays import Floats, Interval, Labels, finite, fraction, per_cluster

AT_ONCE = 2_000_000
"""Random numbers drawn at a time: memory stays at tens of megabytes for any number of items."""
FEW_VALUES = 64
"""Distinct differences up to which resamples are counted (multinomial) and not drawn item by item."""


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """The bootstrap distribution of a mean: `draws` (B,) sorted, the bias z0 and the acceleration a of BCa (both 0:
    the percentile method)."""

    mean: float
    draws: Floats
    bias: float
    acceleration: float

    def interval(self, *, level: float = 0.95) -> Interval:
        """Quantiles of the draws at Phi(z0 + (z0 + z) / (1 - a (z0 + z))), z the quantiles of (1 -+ level) / 2."""
        tail = (1 - fraction(level, "A level")) / 2
        shifted = self.bias + special.ndtri(np.array([tail, 1 - tail]))
        places = special.ndtr(self.bias + shifted / (1 - self.acceleration * shifted))
        low, high = np.quantile(self.draws, places)
        return Interval(low, high)

    def p_above(self, null: float = 0.0) -> float:
        """One-sided p-value of "the true mean is at most `null`", at least 1 / (B + 1).

        The level at which the interval's lower end would be `null`: the BCa map of `interval`, inverted.
        """
        return self._level((np.searchsorted(self.draws, null, side="right") + 1) / (len(self.draws) + 1))

    def p_below(self, null: float = 0.0) -> float:
        """One-sided p-value of "the true mean is at least `null`", at least 1 / (B + 1)."""
        share = np.searchsorted(self.draws, null, side="left") / (len(self.draws) + 1)
        return 1 - self._level(share)

    def p_unequal(self, null: float = 0.0) -> float:
        """Two-sided: twice the smaller of both."""
        return min(1.0, 2 * min(self.p_above(null), self.p_below(null)))

    def _level(self, share: float) -> float:
        """The normal level whose BCa quantile is the draws' quantile at `share`, kept a draw away from 0 and 1."""
        least = 1 / (len(self.draws) + 1)
        distance = float(special.ndtri(min(max(share, least), 1 - least))) - self.bias
        stretch = max(1 + self.acceleration * distance, 1e-9)
        return min(max(float(special.ndtr(distance / stretch - self.bias)), least), 1 - least)


def bootstrap(
    d: ArrayLike,
    clusters: Labels | None = None,
    *,
    resamples: int = 9999,
    seed: int = 0,
    corrected: bool = True,
) -> Bootstrap:
    """Resample items, or whole clusters, with replacement, `resamples` times; the mean each time.

    `d` (n,) are the differences of two models on the same items: resampling differences is the paired bootstrap. z0 is
    the normal quantile of the share of draws below the mean (half of those equal); a = sum u^3 / 6 (sum u^2)^1.5 with u
    the jackknife's deviations; not `corrected` leaves both 0. The same seed gives the same draws. No p-value is under
    1 / (resamples + 1), so that a family of m tests needs resamples well over m / alpha.
    Source: Efron 1987; Efron and Tibshirani 1993, chapter 14. Time O(n x resamples), but O(values x resamples) for
    differences of at most 64 values. Raises ValueError for fewer than two items or clusters and for missing ones.
    """
    values = finite(d, "Items", least=2)
    rng = np.random.default_rng(seed)
    sums, sizes = (values, np.ones(len(values))) if clusters is None else per_cluster(values, clusters)
    mean = float(sums.sum() / sizes.sum())
    draws = np.sort(draw_means(rng, sums, sizes, resamples))
    if not corrected or draws[0] == draws[-1]:
        return Bootstrap(mean=mean, draws=draws, bias=0.0, acceleration=0.0)
    below, upto = (np.searchsorted(draws, mean + side) for side in (-1e-12, 1e-12))
    share = min(max((below + upto) / 2, 0.5), resamples - 0.5) / resamples
    left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
    away = left_out.mean() - left_out
    spread = float((away**2).sum()) ** 1.5
    acceleration = float((away**3).sum()) / (6 * spread) if spread > 0 else 0.0
    return Bootstrap(mean=mean, draws=draws, bias=float(special.ndtri(share)), acceleration=acceleration)


def draw_means(rng: np.random.Generator, sums: Floats, sizes: ArrayLike, resamples: int) -> Floats:
    """(resamples,) means, sum of sums / sum of sizes, over as many units drawn with replacement."""
    weight, n = np.asarray(sizes, dtype=float), len(sums)
    alike = bool((weight == weight[0]).all())
    if alike:
        found, times = np.unique(sums, return_counts=True)
        if len(found) <= FEW_VALUES:
            counted = rng.multinomial(n, times / n, size=resamples)
            return np.asarray(counted @ found / (n * weight[0]))
    out = np.empty(resamples)
    step = max(1, AT_ONCE // n)
    for start in range(0, resamples, step):
        index = rng.integers(0, n, size=(min(step, resamples - start), n))
        total = n * weight[0] if alike else weight[index].sum(axis=1)
        out[start : start + step] = sums[index].sum(axis=1) / total
    return out


def sign_flip(d: ArrayLike, *, resamples: int = 9999, seed: int = 0) -> float:
    """Two-sided p-value of "the two models could change places on any item": the signs of d (n,) flipped at random.

    p = (1 + flips with |sum| >= the observed) / (flips + 1); where 2^n is at most `resamples`, all flips
    are taken, without the ones. Items of difference 0 change nothing and are dropped.
    Source: Fisher 1935; Phipson and Smyth 2010 for the ones.
    Raises ValueError for missing differences.
    """
    values = finite(d, "Items")
    values = values[values != 0]
    n, observed = len(values), abs(values.sum()) - 1e-12 * np.abs(values).sum()
    if n == 0:
        return 1.0
    if n <= math.log2(resamples + 1):
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float((np.abs(signs @ values) >= observed).mean())
    rng, extreme, step = np.random.default_rng(seed), 0, max(1, AT_ONCE // n)
    for start in range(0, resamples, step):
        # The sum with signs is the total minus twice what was flipped.
        flipped = rng.integers(0, 2, size=(min(step, resamples - start), n), dtype=np.int8) @ values
        extreme += int((np.abs(values.sum() - 2 * flipped) >= observed).sum())
    return (1 + extreme) / (1 + resamples)
