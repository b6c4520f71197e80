"""A model among the others of its class: its percentile on a task, and which tasks stand out from its usual one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.intervals import quantile

LEVEL = 0.95
LEAST_OTHERS = 10
"""Among fewer, a percentile is little more than a list of names."""
LEAST_TASKS = 3
"""With fewer, there is no usual percentile for a task to stand out from."""
LEAST_APART = 10.0
"""Points of percentile by which a task without a standard error must differ to be named at all."""


class Place(NamedTuple):
    """`percentile`: the share of the others, 0-100, that the model is above, equal ones counted half.

    `low` and `high`: where it would stand with the ends of its own interval; None where its error is not known.
    """

    percentile: float
    low: float | None
    high: float | None
    others: int


class Telling(NamedTuple):
    """A task (its index) that stands out by `apart` points of percentile; `sure`: by more than its own noise."""

    task: int
    apart: float
    sure: bool


def place(
    score: float, stderr: float | None, others: ArrayLike, *, tasks: int = 1, higher_is_better: bool = True
) -> Place | None:
    """Where `score` stands among `others` (models,), NaN where missing; None if it is missing, or nobody else is there.

    The interval is this model's own: score -+ z stderr, z so that all of `tasks` intervals hold at once with 95 %
    (Bonferroni; Dunn 1961). The others are taken as they are: their errors are as many and average out.
    Raises ValueError for a negative error.
    """
    if stderr is not None and stderr < 0:
        raise ValueError("A standard error cannot be negative.")
    sign = 1 if higher_is_better else -1
    beside = sign * np.asarray(others, dtype=float)
    beside = beside[~np.isnan(beside)]
    if not len(beside) or score != score:
        return None

    def above(x: float) -> float:
        return float(100 * ((beside < x).sum() + (beside == x).sum() / 2) / len(beside))

    mine = sign * score
    if stderr is None or stderr != stderr:
        return Place(above(mine), None, None, len(beside))
    half = float(quantile(1 - (1 - LEVEL) / (2 * tasks))) * stderr
    return Place(above(mine), above(mine - half), above(mine + half), len(beside))


def usual(places: Sequence[Place | None]) -> float | None:
    """The median of a model's percentiles over its tasks; None for too few tasks, or too few others."""
    known = [one.percentile for one in places if one and one.others >= LEAST_OTHERS]
    return float(np.median(known)) if len(known) >= LEAST_TASKS else None


def standing_out(places: Sequence[Place | None]) -> list[Telling]:
    """The tasks whose percentile differs from the usual one, the furthest first.

    With an error: if the usual percentile lies outside the task's own interval (so that, at 95 % over all tasks, noise
    alone would name none). Without one: from LEAST_APART on, and never `sure`.
    """
    middle = usual(places)
    if middle is None:
        return []
    found = []
    for task, one in enumerate(places):
        if one is None or one.others < LEAST_OTHERS:
            continue
        apart = one.percentile - middle
        if one.low is None or one.high is None:
            if abs(apart) >= LEAST_APART:
                found.append(Telling(task, apart, False))
        elif one.low > middle or one.high < middle:
            found.append(Telling(task, apart, True))
    return sorted(found, key=lambda one: -abs(one.apart))
