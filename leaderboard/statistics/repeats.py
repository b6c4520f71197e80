"""How far apart two runs of one model fall on the same machine: what an engine changes, and no item does.

Runs of one revision at equal settings differ by batches, kernels and the order of sums. s is their standard deviation,
pooled over the groups of such runs: s^2 = sum (n_g - 1) s_g^2 / d with d = sum (n_g - 1) degrees of freedom. Two more
runs stay within t(0.975, d) sqrt(2) s of each other with 95 %: the repeatability limit of ISO 5725-6, with Student's t
in place of 1.96 as there are few runs.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from leaderboard.statistics.intervals import quantile

LEAST = 2
"""Degrees of freedom, such as three runs of one model have: with one, t is 12.7, and nearly everything is noise."""


class Noise(NamedTuple):
    """`limit`: a difference of two runs that is smaller may be the machine's alone. `deviation`: s. In the unit of the
    scores. `runs` of `groups` models, and d = `freedom`."""

    limit: float
    deviation: float
    runs: int
    groups: int

    @property
    def freedom(self) -> int:
        return self.runs - self.groups


def noise(groups: Iterable[Sequence[float]]) -> Noise | None:
    """Of groups of scores, each of one model's runs; None for fewer than `LEAST` degrees of freedom."""
    several = [group for group in groups if len(group) > 1]
    runs = sum(len(group) for group in several)
    freedom = runs - len(several)
    if freedom < LEAST:
        return None
    pooled = sum((len(group) - 1) * statistics.variance(group) for group in several) / freedom
    deviation = math.sqrt(pooled)
    return Noise(float(quantile(0.975, freedom)) * math.sqrt(2) * deviation, deviation, runs, len(several))


def between(first: Noise, second: Noise) -> float:
    """The limit for a run on one machine and a run on another: variances add up, sqrt((a^2 + b^2) / 2)."""
    return math.hypot(first.limit, second.limit) / math.sqrt(2)
