"""Standard errors of a mean over items: independent, clustered, and of sampled runs with several passes."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats, Labels, finite, per_cluster


def standard_error(scores: ArrayLike) -> Floats:
    """s / sqrt(n), s^2 = sum (x - mean)^2 / (n - 1), over the last axis.

    Source: the central limit theorem; Miller 2024 (arXiv 2411.00640), and lm-eval's `mean_stderr`.
    `scores` is (..., n), the result (...,), in the unit of the scores. Raises ValueError for n < 2 (one item says
    nothing about the spread) and for missing scores.
    """
    x = finite(scores, "Items", least=2)
    return np.asarray(x.std(axis=-1, ddof=1) / math.sqrt(x.shape[-1]))[()]


def clustered_error(scores: ArrayLike, clusters: Labels) -> Floats:
    """sqrt(G / (G - 1) x sum over clusters (sum within the cluster (x - mean))^2) / n: items of a cluster go together.

    Source: Miller 2024 (arXiv 2411.00640), "Clustered standard errors", a Liang-Zeger sandwich; the factor G / (G - 1)
    for G clusters is not in Miller. It is that of cluster-robust OLS on a constant (statsmodels, Stata), undoes most of
    the bias for few clusters, and makes clusters of one item give `standard_error` exactly.
    `scores` is (..., n), `clusters` (n,), the result (...,), in the unit of the scores. Raises ValueError for fewer
    than two clusters. Under about 20 clusters use Student's t with G - 1 degrees of freedom.
    """
    x = finite(scores, "Items", least=2)
    sums, sizes = per_cluster(x - x.mean(axis=-1, keepdims=True), clusters)
    groups = len(sizes)
    return np.asarray(np.sqrt(groups / (groups - 1) * (sums**2).sum(axis=-1)) / x.shape[-1])[()]


class Repeated(NamedTuple):
    """A mean over items and passes. `stderr` holds both `between` (which items) and `within` (which answers).

    `within` alone is how far the mean of another run on the SAME items would lie; in the unit of the scores.
    """

    mean: float
    stderr: float
    between: float
    within: float
    passes: int

    def with_passes(self, passes: int) -> float:
        """The standard error that as many passes would give: sqrt(between^2 + within^2 x now / then)."""
        if passes < 1:
            raise ValueError(f"Passes must be at least 1, not {passes}.")
        return math.sqrt(self.between**2 + self.within**2 * self.passes / passes)


def repeated_error(scores: ArrayLike, clusters: Labels | None = None) -> Repeated:
    """Mean and error of a sampled run: `scores` is (n items, k passes), k >= 2.

    An item's mean over its passes varies by Var(item) + E[sigma_i^2] / k, so the standard error of the item means holds
    both parts: stderr^2 = Var(item means) / n (clustered, if `clusters` are given), within^2 = mean sigma_i^2 / (k n)
    with sigma_i^2 the variance of item i's passes (n - 1 in the denominator), between^2 = stderr^2 - within^2, or 0
    where chance makes that negative. n x k scores are never taken for n k items.
    Source: Miller 2024 (arXiv 2411.00640), "Resampling"; one-way random-effects analysis of variance.
    Raises ValueError for fewer than two items or passes, and for missing scores.
    """
    x = finite(scores, "Passes", least=2)
    if x.ndim != 2:
        raise ValueError("Scores must be a table of items x passes.")
    means, (items, passes) = x.mean(axis=1), x.shape
    stderr = float(standard_error(means) if clusters is None else clustered_error(means, clusters))
    within = math.sqrt(float(x.var(axis=1, ddof=1).mean()) / (passes * items))
    between = math.sqrt(max(0.0, stderr**2 - within**2))
    return Repeated(float(means.mean()), stderr, between, within, passes)
