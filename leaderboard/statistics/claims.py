"""When a claim holds: supported, refuted, or not decided by what was measured."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    SUPPORTED = "supported"
    REFUTED = "refuted"
    NOT_YET = "not yet measured"


class Bounds(NamedTuple):
    """A difference (first minus second, in points) with two intervals: at 95 %, and at 1 - 0.05 / k for k of them."""

    difference: float
    low: float
    high: float
    wide_high: float


def not_behind(found: Sequence[Bounds], margin: float) -> Outcome:
    """Whether each of k differences is above -`margin`.

    Supported where every 95 % interval lies above -margin: all have to hold, so that no correction is needed
    (intersection-union; Berger 1982). Refuted where any interval at 1 - 0.05 / k lies below it (Bonferroni). Raises
    ValueError for none.
    """
    if not found:
        raise ValueError("A claim is decided by at least one difference.")
    if all(one.low > -margin for one in found):
        return Outcome.SUPPORTED
    return Outcome.REFUTED if any(one.wide_high < -margin for one in found) else Outcome.NOT_YET


def at_least(low: float, high: float, least: float) -> Outcome:
    """Whether a number known to lie within [low, high] is at least `least`."""
    if low >= least:
        return Outcome.SUPPORTED
    return Outcome.REFUTED if high < least else Outcome.NOT_YET


class Read(NamedTuple):
    """How many tokens a model was measured to read, None for none, and the longest text that it was tried with."""

    measured: int | None
    tried: int


def longer(first: Sequence[Read], second: Sequence[Read], *, least: int, most: int) -> Outcome:
    """Whether somebody of `first` reads `least` tokens, and nobody of `second` more than `most`.

    Supported: the first is measured, and the second was tried with more than `most`. Refuted: all of the first were
    tried with `least` and none reads it, or one of the second reads more than `most`.
    """
    reads = any((one.measured or 0) >= least for one in first)
    if any((one.measured or 0) > most for one in second):
        return Outcome.REFUTED
    if not reads and first and all(one.tried >= least for one in first):
        return Outcome.REFUTED
    return Outcome.SUPPORTED if reads and any(one.tried > most for one in second) else Outcome.NOT_YET
