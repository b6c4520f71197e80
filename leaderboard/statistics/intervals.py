"""Confidence intervals of one score: Student's t for many items, Wilson, Jeffreys and Beta-Binomial for few."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics.arrays import Floats, Interval, errors, finite, fraction


def quantile(probability: ArrayLike, df: ArrayLike = np.inf) -> Floats:
    """Of Student's t with `df` degrees of freedom; of the standard normal distribution for infinite ones."""
    p, freedom = np.asarray(probability, dtype=float), np.asarray(df, dtype=float)
    normal = np.isinf(freedom)
    return np.where(normal, special.ndtri(p), special.stdtrit(np.where(normal, 1.0, freedom), p))[()]


def student(mean: ArrayLike, stderr: ArrayLike, *, df: ArrayLike = np.inf, level: float = 0.95) -> Interval:
    """mean +- t x stderr, t the (1 + level) / 2 quantile for `df` degrees of freedom (n - 1, or clusters - 1).

    Source: Student 1908; infinite `df` is the normal interval. Arrays broadcast. Not cut to the scale of the scores.
    Raises ValueError for a negative or missing error.
    """
    x, half = finite(mean, "Means", least=0), errors(stderr) * quantile((1 + fraction(level, "A level")) / 2, df)
    return Interval(x - half, x + half)


def wilson(successes: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a share: (x + z^2/2 +- z sqrt(x (n - x) / n + z^2/4)) / (n + z^2).

    Source: Wilson 1927; recommended for small n by Brown, Cai and DasGupta 2001, section 3.1.1. Items are 0 or 1 and
    independent. Arrays broadcast; the ends are fractions in [0, 1]. Raises ValueError unless 0 <= successes <= n, n >=
    1.
    """
    x, size = counts(successes, n)
    z = quantile((1 + fraction(level, "A level")) / 2)
    middle, half = x + z**2 / 2, z * np.sqrt(x * (size - x) / size + z**2 / 4)
    # Rounding must not push an end past a share of exactly 0 or 1.
    low = np.where(x == 0, 0.0, (middle - half) / (size + z**2))
    return Interval(low[()], np.where(x == size, 1.0, (middle + half) / (size + z**2))[()])


def share_interval(score: ArrayLike, stderr: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Wilson's interval of a mean of n numbers from 0 to 1 with a known standard error.

    As of a share of score (1 - score) / stderr^2 items: as many as there would have to be for this error if they were 0
    or 1 and independent, which Franco, Little, Louis and Slud 2019 call the effective sample size. Where all items are
    alike, whose error says 0, it is n: no score of a few items is certain. Arrays broadcast; fractions. Raises
    ValueError for a score outside [0, 1], a negative error, or no items.
    """
    p, error, size = finite(score, "Scores", least=0), errors(stderr), finite(n, "Counts of items", least=0)
    counts(p * size, size)
    spread = p * (1 - p)
    varies = (error > 0) & (spread > 0)
    effective = np.where(varies, spread / np.where(varies, error, 1.0) ** 2, size)
    return wilson(p * effective, effective, level=level)


def jeffreys(successes: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Quantiles of Beta(x + 1/2, n - x + 1/2), the posterior of a share under Jeffreys' prior; 0 at x = 0, 1 at x = n.

    Source: Brown, Cai and DasGupta 2001, section 3.1.2 with the ends of 4.1.2's modification at 0 and n.
    Counts need not be whole (effective counts are not). Arrays broadcast; fractions. Errors as `wilson`.
    """
    x, size = counts(successes, n)
    tail = (1 - fraction(level, "A level")) / 2
    low = special.betaincinv(x + 0.5, size - x + 0.5, tail)
    high = special.betaincinv(x + 0.5, size - x + 0.5, 1 - tail)
    return Interval(np.where(x == 0, 0.0, low)[()], np.where(x == size, 1.0, high)[()])


def counts(successes: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Both as floats, or ValueError unless 0 <= successes <= n and n > 0."""
    x, size = finite(successes, "Successes", least=0), finite(n, "Counts of items", least=0)
    if (size <= 0).any() or (x < 0).any() or (x > size).any():
        raise ValueError("There must be at least one item, and from 0 to n of them solved.")
    return x, size


def overdispersion(successes: ArrayLike, sizes: ArrayLike) -> float:
    """rho in [0, 1]: how alike the 0/1 items of a cluster are, from successes (G,) among sizes (G,).

    The analysis-of-variance estimator (MSB - MSW) / (MSB + (m0 - 1) MSW), m0 = (N - sum m^2 / N) / (G - 1), cut to [0,
    1].
    Source: Ridout, Demetrio and Firth 1999, section 2.1. NaN where nothing varies or every cluster holds one item.
    """
    x, m = counts(successes, sizes)
    groups, total = len(m), m.sum()
    if groups < 2 or total == groups or x.sum() in (0, total):
        return float("nan")
    share, mean = x / m, x.sum() / total
    between = (m * (share - mean) ** 2).sum() / (groups - 1)
    within = (x * (1 - share)).sum() / (total - groups)
    typical = (total - (m**2).sum() / total) / (groups - 1)
    return float(np.clip((between - within) / (between + (typical - 1) * within), 0, 1))


def beta_binomial(successes: ArrayLike, sizes: ArrayLike, *, level: float = 0.95) -> Interval:
    """Jeffreys' interval of a share when items come in clusters (documents, or the k passes of one item).

    Cluster g solves successes_g of sizes_g items, Beta-Binomial with correlation rho (`overdispersion`). The design
    effect D = sum m (1 + (m - 1) rho) / N leaves N / D items' worth, and (t_{N-1} / t_{G-1})^2 pays for estimating rho
    from G clusters; then Jeffreys with x / D', N / D'. Where every item is solved, or none, rho cannot be seen and a
    cluster counts as one item, the cautious end.
    Source: Kish 1965 for D; the effective counts are Korn and Graubard's 1998, here with Jeffreys for Clopper-Pearson.
    (G,) and (G,) in, two fractions out. Raises ValueError for fewer than two clusters.
    """
    x, m = counts(successes, sizes)
    if x.ndim != 1 or x.shape != m.shape or len(m) < 2:
        raise ValueError("Successes and sizes must be two lists of at least 2 clusters.")
    total, groups = float(m.sum()), len(m)
    if x.sum() in (0, total):
        effective = float(groups)
    elif total == groups:
        effective = total
    else:
        rho, p = overdispersion(x, m), (1 + level) / 2
        effective = total * total / float((m * (1 + (m - 1) * rho)).sum())
        effective *= float(quantile(p, total - 1) / quantile(p, groups - 1)) ** 2
    return jeffreys(x.sum() * effective / total, effective, level=level)
