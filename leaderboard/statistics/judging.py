"""From a judge's verdicts to wins, ties and losses of two models, and whether the order of the answers swayed it.

Every item is judged twice, with the answers in either order: a model wins an item that it wins both times. That is the
conservative rule of Zheng et al. 2023 (arXiv 2306.05685, section 3.4): what the order decides is a tie.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leaderboard.statistics.mcnemar import mcnemar
from leaderboard.statistics.verdict import Comparison, by_discordant, check

Codes = NDArray[np.uint8]


class Reply(IntEnum):
    """What a judge said of two answers, by where they stood."""

    UNREADABLE = 0
    FIRST = 1
    SECOND = 2
    TIE = 3


class Outcome(IntEnum):
    """What became of an item, by model. Nobody wins what nobody can read."""

    UNREADABLE = 0
    FIRST = 1
    SECOND = 2
    TIE = 3


class Tally(NamedTuple):
    """Items by outcome, from the first model's side; `unreadable` ones are in no share."""

    wins: int
    ties: int
    losses: int
    unreadable: int

    @property
    def n(self) -> int:
        """Those that were decided or tied."""
        return self.wins + self.ties + self.losses


class Sway(NamedTuple):
    """Whether the order of the answers counts: items on which the judge leant to whichever stood first, or second, and
    the p-value of "it leans to neither". `turned`: items whose winner changed with the order."""

    to_first: int
    to_second: int
    turned: int
    n: int
    p: float


def settled(straight: ArrayLike, swapped: ArrayLike) -> Codes:
    """The outcome of each item, (n,), from the replies with the first model's answer first, and with it second."""
    one, other = np.asarray(straight, dtype=np.uint8), np.asarray(swapped, dtype=np.uint8)
    out = np.full(one.shape, Outcome.TIE, dtype=np.uint8)
    out[(one == Reply.FIRST) & (other == Reply.SECOND)] = Outcome.FIRST
    out[(one == Reply.SECOND) & (other == Reply.FIRST)] = Outcome.SECOND
    out[(one == Reply.UNREADABLE) | (other == Reply.UNREADABLE)] = Outcome.UNREADABLE
    return out


def by_grades(first: ArrayLike, second: ArrayLike) -> Codes:
    """The outcome of each item, (n,), from the grades of both answers; 0 is a grade that could not be read."""
    one, other = np.asarray(first, dtype=int), np.asarray(second, dtype=int)
    out = np.full(one.shape, Outcome.TIE, dtype=np.uint8)
    out[one > other], out[other > one] = Outcome.FIRST, Outcome.SECOND
    out[(one == 0) | (other == 0)] = Outcome.UNREADABLE
    return out


def tally(outcomes: ArrayLike) -> Tally:
    counted = np.bincount(np.asarray(outcomes, dtype=int), minlength=4)
    return Tally(*(int(counted[one]) for one in (Outcome.FIRST, Outcome.TIE, Outcome.SECOND, Outcome.UNREADABLE)))


def sway(straight: ArrayLike, swapped: ArrayLike) -> Sway:
    """How the order of the answers counted, over items with two readable replies.

    An item leans to the first place where that won more often than the second of its two judgements. A judge that looks
    at the answers alone leans as often to either: McNemar's test of these items.
    """
    one, other = np.asarray(straight, dtype=int), np.asarray(swapped, dtype=int)
    read = (one != Reply.UNREADABLE) & (other != Reply.UNREADABLE)
    lean = sum(np.where(said == Reply.FIRST, 1, np.where(said == Reply.SECOND, -1, 0)) for said in (one, other))
    lean = np.asarray(lean)[read]
    turned = int((np.abs(lean) == 2).sum())
    first, second = int((lean > 0).sum()), int((lean < 0).sum())
    return Sway(first, second, turned, int(read.sum()), float(mcnemar(first, second)))


def preferred(found: Tally, *, margin: float, alpha: float = 0.05) -> Comparison | None:
    """The first model's share of items won less the second's, tested item by item; None for fewer than two items.

    Ties are items on which the two do not differ: McNemar's test of wins against losses, Tango's interval of their
    difference among all n items that could be read. Fractions, `margin` too.
    """
    check(margin, alpha)
    n = found.n
    if n < 2:
        return None
    enclosed, unequal, equivalent = by_discordant(found.wins, found.losses, n, margin, alpha)
    difference = (found.wins - found.losses) / n
    spread = ((found.wins + found.losses) / n - difference**2) * n / (n - 1)
    return Comparison(
        n=n, wins=found.wins, losses=found.losses, difference=difference, stderr=(max(0.0, spread) / n) ** 0.5,
        low=float(enclosed.low), high=float(enclosed.high), p_unequal=float(unequal), p_equivalent=float(equivalent),
        margin=margin, alpha=alpha, method="McNemar",
    )  # fmt: skip


def codes(data: bytes | memoryview) -> Codes:
    """Stored codes, a byte each."""
    return np.frombuffer(data, dtype=np.uint8)
