"""Who held the record when: step frontiers of scores by day, and how long one side took to reach another's."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Integers

DAYS_A_MONTH = 365.2425 / 12
"""Of the Gregorian calendar: 30.436875."""


class Against(NamedTuple):
    """A step of the other side minus one's own best, on the same items: the difference and its 95 % interval."""

    difference: float
    low: float
    high: float


class Lag(NamedTuple):
    """Months from the other side's first step that is as good as one's own best to that best; negative: it came later.

    `high`: from the first step that may be as good (its interval reaches 0); `low`: from the first that surely is (its
    interval leaves out everything below 0), None where no step surely is: there may be no lag at all.
    """

    months: float
    low: float | None
    high: float


def frontier(days: ArrayLike, scores: ArrayLike) -> Integers:
    """The rows (k,) that score more than every row of an earlier or the same day, by day.

    Of equal scores on one day the first in the lists is taken, and a later row with an equal score is no step. Rows
    without a day or a score (NaN) are none. Raises ValueError for lists of different lengths.
    """
    day, score = np.asarray(days, dtype=float), np.asarray(scores, dtype=float)
    if day.shape != score.shape or day.ndim != 1:
        raise ValueError("A frontier needs two lists of the same length.")
    order: Integers = np.flatnonzero(np.isfinite(day) & np.isfinite(score))
    if not len(order):
        return order
    if (np.diff(day[order]) < 0).any():  # whoever asks for many frontiers of the same days sorts them once
        order = order[np.argsort(day[order], kind="stable")]
    days_of, scores_of = day[order], score[order]
    starts = np.flatnonzero(np.concatenate(([True], days_of[1:] != days_of[:-1])))
    best = np.maximum.reduceat(scores_of, starts)
    before = np.concatenate(([-np.inf], np.maximum.accumulate(best)[:-1]))
    rising = np.flatnonzero(best > before)
    ends = np.append(starts[1:], len(order))
    places = [starts[one] + int(np.argmax(scores_of[starts[one] : ends[one]])) for one in rising]
    steps: Integers = order[places]
    return steps


def lag(day: float, days: Sequence[float], others: Sequence[Against]) -> Lag | None:
    """How long one's own best, released on `day`, came after what was as good on the other side.

    `days` (k,) and `others` (k,) are the other side's steps by day. None where no step is as good: the other side does
    not lead. Raises ValueError for lists of different lengths, or days out of order.
    """
    if len(days) != len(others) or any(later < earlier for earlier, later in pairwise(days)):
        raise ValueError("The other side's steps must be in the order of their days, with one difference each.")

    def since(reached: Sequence[bool]) -> float | None:
        first = next((place for place, one in enumerate(reached) if one), None)
        return None if first is None else (day - days[first]) / DAYS_A_MONTH

    months, high = (since([bound >= 0 for bound in bounds]) for bounds in (
        [one.difference for one in others], [one.high for one in others],
    ))  # fmt: skip
    if months is None or high is None:
        return None
    return Lag(months, since([one.low >= 0 for one in others]), high)
