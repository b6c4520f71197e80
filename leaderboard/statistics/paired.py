"""Two models on the same items: differences with their errors, clustered or not, and of a suite of tasks."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics.arrays import Floats, Interval, Labels, finite
from leaderboard.statistics.errors import clustered_error, standard_error
from leaderboard.statistics.intervals import quantile, student


class DifferentItems(ValueError):
    """The two models were measured on different items: pairing them would compare questions, not models."""


class Answers(NamedTuple):
    """A model's scores on a set of items, (n,) fractions in its order; `items` is the digest that names the set."""

    items: str
    scores: Sequence[float] | Floats


class Difference(NamedTuple):
    """A paired difference, first minus second model, with its standard error in the same unit.

    `df` are the error's degrees of freedom; `units` are what was drawn independently, clusters or else the `n` items.
    """

    mean: float
    stderr: float
    df: float
    n: int
    units: int

    def interval(self, *, level: float = 0.95) -> Interval:
        """mean +- t x stderr."""
        return student(self.mean, self.stderr, df=self.df, level=level)

    def p_above(self, null: float = 0.0) -> float:
        """One-sided p-value of "the true difference is at most `null`": small when it lies above."""
        if self.stderr == 0:
            return 0.5 if self.mean == null else float(self.mean < null)
        t = (self.mean - null) / self.stderr
        return float(special.ndtr(-t) if math.isinf(self.df) else special.stdtr(self.df, -t))

    def p_unequal(self) -> float:
        """Two-sided p-value of "there is no difference"."""
        return 2 * self._replace(mean=abs(self.mean)).p_above()


def differences(a: Answers, b: Answers) -> Floats:
    """a - b item by item, (n,). Raises DifferentItems for another item set or length, ValueError for missing scores."""
    if a.items != b.items:
        raise DifferentItems(f"The two were measured on different items: sets {a.items[:12]} and {b.items[:12]}.")
    return subtract(a.scores, b.scores)


def subtract(a: ArrayLike, b: ArrayLike) -> Floats:
    """a - b, (n,) each. Raises DifferentItems for unequal lengths, ValueError for missing scores."""
    first, second = finite(a, "Items"), finite(b, "Items")
    if first.shape != second.shape or first.ndim != 1:
        raise DifferentItems(f"The two were measured on different items: {first.size} and {second.size} of them.")
    return first - second


def paired_difference(a: ArrayLike, b: ArrayLike, clusters: Labels | None = None) -> Difference:
    """The mean of a - b with the standard error of the differences, clustered if `clusters` (n,) are given.

    se = sd(a - b) / sqrt(n) with n - 1 degrees of freedom, or `clustered_error` with clusters - 1. Pairing removes what
    the items have in common: se^2 = (var a + var b - 2 cov) / n.
    Source: Miller 2024 (arXiv 2411.00640), "Paired analysis"; without clusters it is the paired t-test.
    Raises DifferentItems for unequal lengths, ValueError for fewer than two items or clusters and for missing scores.
    """
    d = subtract(a, b)
    n = len(d)
    if clusters is None:
        return Difference(float(d.mean()), float(standard_error(d)), n - 1, n, n)
    error, groups = float(clustered_error(d, clusters)), len(np.unique(np.asarray(clusters)))
    return Difference(float(d.mean()), error, groups - 1, n, groups)


def suite_difference(tasks: Sequence[Difference], weights: ArrayLike | None = None) -> Difference:
    """sum w d with standard error sqrt(sum w^2 se^2): the difference of two suite scores, task by task on paired items.

    Without `weights` (k,) every task has 1 / k. A normalised suite has 1 / (k (1 - b)) with b the score of chance; then
    the difference is that of the scores before any is cut at chance. Degrees of freedom by Welch and Satterthwaite:
    (sum v)^2 / sum (v^2 / df), v = w^2 se^2. Tasks on which all differences are equal (two copies of a model) would add
    no error at all; they get that of `sameness`, z / (units + z^2), so that a few equal items prove nothing.
    Source: Welch 1947. Raises ValueError for no tasks or weights of another number.
    """
    if not tasks:
        raise ValueError("A suite difference needs at least one task.")
    w = np.full(len(tasks), 1 / len(tasks)) if weights is None else finite(weights, "Weights")
    if w.shape != (len(tasks),):
        raise ValueError("There must be one weight a task.")
    mean, error, df, n, units = np.array(tasks, dtype=float).T
    z = float(quantile(0.975))
    variance = (w * np.where(error > 1e-12, error, z / (units + z * z))) ** 2
    freedom = variance.sum() ** 2 / (variance**2 / df).sum()
    return Difference(
        float(w @ mean), math.sqrt(variance.sum()), float(freedom), round(float(n.sum())), round(float(units.sum()))
    )


def sameness(z: float, units: int) -> float:
    """z^2 / (units + z^2): how large the share of units that differ may be when none of `units` did.

    The Wilson bound at zero, about 3 / n at one-sided 95 % (the rule of three; Wilson 1927, Hanley and Lippman-Hand
    1983).
    """
    return z * z / (units + z * z)
