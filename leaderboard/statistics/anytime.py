"""Two models compared while items still come in: an interval that holds at every item at once.

Whoever looks at an ordinary 95 % interval after every item, and stops when it leaves out 0, errs far more often than in
5 % of cases. A confidence sequence holds over all looks together, so that looking early costs width and no honesty.
The items have to come in an order that says nothing of them: at random.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from leaderboard.statistics.arrays import Floats, Interval, finite, fraction
from leaderboard.statistics.paired import Answers, differences, paired_difference
from leaderboard.statistics.verdict import Comparison, Verdict, Word, check, comparison

STAKE = 0.75
"""The most of what is left that is staked on one item; 1/2 and 3/4 are the authors' examples."""
STEPS = 40
"""Halvings of the scale: the ends are exact to 1e-12."""
Side = Literal["above", "below"]


def bets(x: Floats, alpha: float) -> Floats:
    """How much is staked on each item (..., n) of fractions x, by what came before it alone.

    lambda_t = sqrt(2 log(2 / alpha) / (v_{t-1} t log(1 + t))) with v the running variance, begun at 1/4.
    Source: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B 86),
    equation 26 with the predictable plug-in.
    """
    t = np.arange(1, x.shape[-1] + 1)
    means = (0.5 + np.cumsum(x, axis=-1)) / (t + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2, axis=-1)) / (t + 1)
    before = np.concatenate([np.full((*x.shape[:-1], 1), 0.25), variances[..., :-1]], axis=-1)
    found: Floats = np.sqrt(2 * math.log(2 / alpha) / (before * t * np.log1p(t)))
    return found


def wealth(x: Floats, mean: float, stakes: Floats, side: Side) -> Floats:
    """The logarithm of what a bet on "the true mean is above (below) `mean`" has made of 1, item by item (..., n).

    Were it the true mean, this would be a fair game: it reaches 2 / alpha with a chance of alpha / 2 at most, however
    long it goes on (Ville's inequality). Source: as `bets`, equation 23, the capital process.
    """
    room = mean if side == "above" else 1 - mean
    stake = np.minimum(stakes, STAKE / room) if room > 0 else stakes
    change = stake * (x - mean)
    found: Floats = np.cumsum(np.log1p(change if side == "above" else -change), axis=-1)
    return found


def peak(x: Floats, mean: float, stakes: Floats, side: Side) -> float:
    """The most that the bet ever made, as a logarithm, 0 at the start."""
    return max(0.0, float(wealth(x, mean, stakes, side).max()))


def sequence(x: Floats, *, alpha: float = 0.05) -> Interval:
    """The mean of fractions x (n,) that came in this order: with probability 1 - alpha the interval of every n holds
    the true mean at once. It only ever gets narrower.

    Bets against a mean win the more the farther it is, so that both ends are found by halving.
    Source: as `bets`, theorem 3 (hedged capital, theta = 1/2), intersected over time. Raises ValueError.
    """
    values = finite(x, "Items")
    if values.ndim != 1 or (values < 0).any() or (values > 1).any():
        raise ValueError("Items must be a list of fractions in [0, 1].")
    stakes, enough = bets(values, fraction(alpha, "Alpha")), math.log(2 / alpha)

    def end(side: Side) -> float:
        """The outermost mean that is not ruled out on this side."""
        out, held = (0.0, 1.0) if side == "above" else (1.0, 0.0)
        if peak(values, out, stakes, side) < enough:
            return out
        for _ in range(STEPS):
            middle = (out + held) / 2
            if peak(values, middle, stakes, side) >= enough:
                out = middle
            else:
                held = middle
        return out

    return Interval(np.asarray(end("above")), np.asarray(end("below")))


def compare_anytime(a: Answers, b: Answers, *, margin: float, alpha: float = 0.05) -> Comparison:
    """As `verdict.compare`, first minus second model in fractions, by bets on the differences item by item.

    The interval, and both p-values, may be looked at after any item. Raises DifferentItems, ValueError.
    """
    check(margin, alpha)
    d = differences(a, b)
    low, high = sequence((d + 1) / 2, alpha=alpha)
    x, stakes = (d + 1) / 2, bets((d + 1) / 2, alpha)
    unequal = max(peak(x, 0.5, stakes, "above"), peak(x, 0.5, stakes, "below"))
    within = (
        min(peak(x, (1 - margin) / 2, stakes, "above"), peak(x, (1 + margin) / 2, stakes, "below"))
        if margin < 1
        else math.inf
    )
    interval = Interval(2 * low - 1, 2 * high - 1)
    numbers = interval, min(1.0, 2 * math.exp(-unequal)), min(1.0, 2 * math.exp(-within))
    wins, losses = int((d > 0).sum()), int((d < 0).sum())
    return comparison(paired_difference(a.scores, b.scores), wins, losses, numbers, margin, alpha, "betting")


def family_anytime(
    pairs: Sequence[tuple[Answers, Answers]], *, margin: float, alpha: float = 0.05, of: int | None = None
) -> list[Verdict]:
    """A word for each pair, as `verdict.family`; with probability 1 - alpha none of them is wrong at any time.

    Each of m pairs gets alpha / m (Bonferroni), its interval too; p-values are told m times as large. `of`: m, where
    some pairs have nothing to be compared yet and their share is kept for them.
    """
    m = max(1, len(pairs), of or 0)
    found = []
    for a, b in pairs:
        one = compare_anytime(a, b, margin=margin, alpha=alpha / m)
        unequal, equivalent = min(1.0, m * one.p_unequal), min(1.0, m * one.p_equivalent)
        word = Word.EQUIVALENT if equivalent <= alpha else Word.UNDECIDED
        if unequal <= alpha:
            word = Word.BETTER if one.difference > 0 else Word.WORSE
        found.append(Verdict(word, one, unequal, equivalent))
    return found


def decided(one: Verdict, *, margin: float) -> bool:
    """Whether nothing is left to ask: there is a word, and whether the first may take the second's place is known (the
    interval leaves out -margin, see `switching`)."""
    known = one.comparison.low > -margin or one.comparison.high <= -margin
    return one.word != Word.UNDECIDED and known


def looks(n: int, *, first: int = 20, growth: float = 1.5) -> tuple[int, ...]:
    """After how many of n items to look: at `first`, and each time that there are `growth` times as many. The end is
    no look."""
    found, at = [], first
    while at < n:
        found.append(at)
        at = math.ceil(at * growth)
    return tuple(found)
