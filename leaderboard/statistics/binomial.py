"""The binomial distribution by SciPy's special functions. Pure.

`scipy.stats` has it too, and takes a second and 30 MB in every process of the site to load.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics.arrays import Floats


def cdf(k: ArrayLike, n: ArrayLike, p: float) -> Floats:
    """P(X <= k) for X ~ Binomial(n, p). Whole k and n with 0 <= k <= n; arrays broadcast."""
    return np.asarray(special.bdtr(np.asarray(k, dtype=float), np.asarray(n).astype(np.int64), p))


def pmf(k: ArrayLike, n: ArrayLike, p: float) -> Floats:
    """P(X = k): the binomial coefficient is 1 / ((n + 1) B(n - k + 1, k + 1)), in logarithms."""
    x, size = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    coefficient = -np.log(size + 1) - special.betaln(size - x + 1, x + 1)
    return np.asarray(np.exp(coefficient + special.xlogy(x, p) + special.xlog1py(size - x, -p)))


def ppf(q: float, n: int, p: float) -> int:
    """The least k with P(X <= k) >= q, for 0 < q < 1 and 0 < p < 1."""
    k = int(np.ceil(special.bdtrik(q, n, p)))
    return k - 1 if k > 0 and cdf(k - 1, n, p) >= q else k
