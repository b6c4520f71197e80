"""Two models on the same right-or-wrong items: McNemar's test and Tango's interval. Only discordant items count.

`b` items solved by the first model alone, `c` by the second alone, of `n` items; numbers or arrays that broadcast.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics import binomial
from leaderboard.statistics.arrays import Floats, Interval, fraction
from leaderboard.statistics.intervals import quantile
from leaderboard.statistics.paired import subtract

FEW = 25
"""Discordant items under which `auto` is exact: there an asymptotic level is least to be trusted."""

Method = Literal["auto", "exact", "mid-p", "chi2"]


def discordant(first: ArrayLike, second: ArrayLike) -> tuple[int, int]:
    """b and c of two lists of 0 and 1, (n,). Raises DifferentItems for unequal lengths, ValueError for other scores."""
    d = subtract(first, second)
    if not np.isin(first, (0, 1)).all() or not np.isin(second, (0, 1)).all():
        raise ValueError("McNemar's test needs items that are right (1) or wrong (0).")
    return int((d > 0).sum()), int((d < 0).sum())


def mcnemar(b: ArrayLike, c: ArrayLike, *, method: Method = "auto") -> Floats:
    """Two-sided p-value of "b and c are equally likely": X ~ Binomial(b + c, 1/2), m = min(b, c).

    exact: min(1, 2 P(X <= m)), never too many false alarms.  mid-p: 2 P(X <= m) - P(X = m), nearer to the level: under
    5.0 % false alarms for 5 % (by enumeration), though up to 7.7 % given one number of discordant items.
    chi2: (b - c)^2 / (b + c) against chi-square with one degree, without continuity correction.
    auto: exact under 25 discordant items, mid-p from there. No discordant items: 1.
    Source: McNemar 1947; Fagerland, Lydersen and Laake 2013, who recommend mid-p and advise against the correction.
    Raises ValueError for counts that are negative or not whole.
    """
    x, y = np.broadcast_arrays(np.asarray(b, dtype=float), np.asarray(c, dtype=float))
    if (x < 0).any() or (y < 0).any() or (x % 1 != 0).any() or (y % 1 != 0).any():
        raise ValueError("Discordant items are whole numbers, not negative.")
    total, least = x + y, np.minimum(x, y)
    if method == "chi2":
        return np.asarray(special.chdtrc(1, (x - y) ** 2 / np.maximum(total, 1)))[()]
    exact = np.minimum(1.0, 2 * binomial.cdf(least, total, 0.5))
    mid = np.minimum(1.0, 2 * binomial.cdf(least, total, 0.5) - binomial.pmf(least, total, 0.5))
    if method == "auto":
        return np.where(total < FEW, exact, mid)[()]
    return np.asarray(exact if method == "exact" else mid)[()]


def score_statistic(b: ArrayLike, c: ArrayLike, n: ArrayLike, null: ArrayLike) -> Floats:
    """z of "the difference of the two shares is `null`", in (-1, 1): large when it lies above.

    (b - c - n D) / sqrt(n (2 q + D (1 - D))) with q the likeliest share of c's kind under the difference D:
    q = (sqrt(B^2 - 8 n C) - B) / 4n, B = -b - c + (2 n - b + c) D, C = -c D (1 - D). At D = 0 it is McNemar's.
    Source: Tango 1998. Arrays broadcast.
    """
    x, y, size, d = (np.asarray(value, dtype=float) for value in (b, c, n, null))
    linear, constant = -x - y + (2 * size - x + y) * d, -y * d * (1 - d)
    q = (np.sqrt(np.maximum(0.0, linear**2 - 8 * size * constant)) - linear) / (4 * size)
    spread = np.sqrt(np.maximum(0.0, size * (2 * q + d * (1 - d))))
    distance = x - y - size * d
    # No discordant items and D = 0: nothing speaks either way.
    return np.where(np.isclose(distance, 0, atol=1e-12), 0.0, distance / np.maximum(spread, 1e-300))[()]


def tango(b: ArrayLike, c: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Tango's score interval of (b - c) / n: the differences whose `score_statistic` stays within the quantile.

    Keeps its level for few items and says something where nothing is discordant: +- z^2 / (n + z^2).
    Source: Tango 1998; recommended by Fagerland, Lydersen and Laake 2014. By bisection, to 1e-12. Arrays broadcast;
    fractions in [-1, 1]. Raises ValueError unless b, c >= 0 and b + c <= n, n >= 1.
    """
    x, y, size = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (b, c, n)))
    if (x < 0).any() or (y < 0).any() or (x + y > size).any() or (size < 1).any():
        raise ValueError("Discordant items must be between 0 and all of at least one item.")
    z = quantile((1 + fraction(level, "A level")) / 2)
    middle = (x - y) / size
    # Both ends at once: the statistic falls from +z at the lower to -z at the upper.
    side = np.array([-1.0, 1.0]).reshape(2, *[1] * middle.ndim)
    outside, inside = np.broadcast_to(side, (2, *middle.shape)), np.broadcast_to(middle, (2, *middle.shape))
    for _ in range(42):
        trial = (outside + inside) / 2
        beyond = -side * score_statistic(x, y, size, trial) > z
        outside, inside = np.where(beyond, trial, outside), np.where(beyond, inside, trial)
    return Interval(*inside)
