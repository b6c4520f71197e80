"""Better, worse, equivalent within a margin, or undecided: what a comparison of two models comes to, and why."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics.arrays import Floats, Interval, Labels, fraction
from leaderboard.statistics.families import holm
from leaderboard.statistics.intervals import quantile
from leaderboard.statistics.mcnemar import discordant, mcnemar, score_statistic, tango
from leaderboard.statistics.paired import (
    Answers,
    Difference,
    differences,
    paired_difference,
    sameness,
    suite_difference,
)
from leaderboard.statistics.resampling import bootstrap

SMALL, LARGE = 50, 2000
"""Items between which the bootstrap is used. With fewer, BCa intervals of skewed differences are too short (10 items:
77 % covered for 95 %, t 96 %); with more they are t's within a few per cent of the width, a hundred times slower."""


class Word(StrEnum):
    """What is said of the first model against the second; no word says that they are equal."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


class Comparison(NamedTuple):
    """Two models on paired items, first minus second, in fractions.

    [`low`, `high`] is the paired interval at 1 - `alpha`; `p_unequal` tests "no difference" (two-sided), `p_equivalent`
    tests "at least `margin` apart" (TOST); `wins` and `losses` are items on which the first scores higher and lower.
    """

    n: int
    wins: int
    losses: int
    difference: float
    stderr: float
    low: float
    high: float
    p_unequal: float
    p_equivalent: float
    margin: float
    alpha: float
    method: str


class Verdict(NamedTuple):
    """The word, the numbers, and the p-values that decided (adjusted, where several comparisons are a family)."""

    word: Word
    comparison: Comparison
    p_unequal: float
    p_equivalent: float


def tost(difference: Difference, margin: float) -> float:
    """p-value of "the true difference is at least `margin` away from 0": the larger of both one-sided t-tests.

    At most alpha exactly when the 1 - 2 alpha interval lies within (-margin, margin). Source: Schuirmann 1987.
    """
    return max(difference.p_above(-margin), 1 - difference.p_above(margin))


def compare(
    a: Answers,
    b: Answers,
    *,
    margin: float,
    alpha: float = 0.05,
    clusters: Labels | None = None,
    seed: int = 0,
) -> Comparison:
    """Two models on one task. Scores are fractions, `margin` too: a difference smaller than it would not matter.

    right-or-wrong items    McNemar's test, Tango's interval (and TOST on it)
    `clusters` (n,) given   t on differences with clustered errors and clusters - 1 degrees of freedom
    other scores            BCa bootstrap, 9,999 resamples with `seed`; t under 50 items and from 2,000
    all differences equal   the sign test, and an interval as wide as so few items leave it (`sameness`)

    The p-values decide. With few discordant items McNemar's exact test asks for more than Tango's interval, which may
    then leave out 0 where nothing is decided. Lower-is-better fractions are passed as 1 - x.
    Source: DESIGN section 5; each method's module. Raises DifferentItems unless both saw the same items, ValueError for
    scores missing or outside [0, 1], a negative margin, fewer than two items or clusters.
    """
    d = differences(a, b)
    check(margin, alpha)
    if min(np.min(a.scores), np.min(b.scores)) < 0 or max(np.max(a.scores), np.max(b.scores)) > 1:
        raise ValueError("Scores must be fractions in [0, 1].")
    found = paired_difference(a.scores, b.scores, clusters)
    wins, losses = int((d > 0).sum()), int((d < 0).sum())
    if clusters is None and np.isin(a.scores, (0, 1)).all() and np.isin(b.scores, (0, 1)).all():
        enclosed, *p_values = by_discordant(*discordant(a.scores, b.scores), len(d), margin, alpha)
        method, numbers = "McNemar", (enclosed, float(p_values[0]), float(p_values[1]))
    elif float(np.ptp(d)) < 1e-12:
        method, numbers = "all equal", by_sameness(found, margin, alpha)
    elif clusters is None and SMALL <= len(d) < LARGE:
        method, numbers = "bootstrap", by_bootstrap(d, margin, alpha, seed)
    else:
        method, numbers = "t" if clusters is None else "clustered t", by_t(found, margin, alpha)
    return comparison(found, wins, losses, numbers, margin, alpha, method)


def comparison(
    found: Difference, wins: int, losses: int, numbers: "Numbers", margin: float, alpha: float, method: str
) -> Comparison:
    interval, p_unequal, p_equivalent = numbers
    return Comparison(
        n=found.n,
        wins=wins,
        losses=losses,
        difference=found.mean,
        stderr=found.stderr,
        low=float(interval.low),
        high=float(interval.high),
        p_unequal=p_unequal,
        p_equivalent=p_equivalent,
        margin=margin,
        alpha=alpha,
        method=method,
    )


def compare_suites(
    tasks: Sequence[tuple[Answers, Answers]],
    *,
    margin: float,
    alpha: float = 0.05,
    weights: ArrayLike | None = None,
    clusters: Sequence[Labels | None] | None = None,
) -> Comparison:
    """Two models on a suite: `suite_difference` over the tasks' pairs (with its `weights`), and t.

    Raises as `compare`; ValueError for no tasks.
    """
    check(margin, alpha)
    labels = clusters or [None] * len(tasks)
    d = [differences(a, b) for a, b in tasks]
    pairs = zip(tasks, labels, strict=True)
    found = suite_difference([paired_difference(a.scores, b.scores, label) for (a, b), label in pairs], weights)
    wins, losses = (sum(int((side * one > 0).sum()) for one in d) for side in (1, -1))
    return comparison(found, wins, losses, by_t(found, margin, alpha), margin, alpha, "suite t")


def verdict(
    a: Answers,
    b: Answers,
    *,
    margin: float,
    alpha: float = 0.05,
    clusters: Labels | None = None,
    seed: int = 0,
) -> Verdict:
    """`compare`, in one word. See `family` for the rule."""
    return family([compare(a, b, margin=margin, alpha=alpha, clusters=clusters, seed=seed)], alpha=alpha)[0]


def family(comparisons: Sequence[Comparison], *, alpha: float = 0.05) -> list[Verdict]:
    """A word for each of m comparisons; with probability 1 - alpha none of the words is wrong.

    better, worse: adjusted p_unequal <= alpha, by the sign of the difference.  equivalent: otherwise, adjusted
    p_equivalent <= alpha.  undecided: neither. A difference that is sure is named even where it is within the margin.
    The 2 m hypotheses are one family: "equal" and "at least the margin apart" exclude each other, so that at most m are
    true and `holm` takes the factor min(m, .): a single comparison is not adjusted at all.
    """
    m = len(comparisons)
    adjusted: Floats = holm(
        [one.p_unequal for one in comparisons] + [one.p_equivalent for one in comparisons], true_at_most=m
    )
    out = []
    for one, p_unequal, p_equivalent in zip(comparisons, adjusted[:m].tolist(), adjusted[m:].tolist(), strict=True):
        word = Word.EQUIVALENT if p_equivalent <= alpha else Word.UNDECIDED
        if p_unequal <= alpha:
            word = Word.BETTER if one.difference > 0 else Word.WORSE
        out.append(Verdict(word, one, p_unequal, p_equivalent))
    return out


def check(margin: float, alpha: float) -> None:
    """Raises ValueError for a margin that is negative or not a number, or an alpha outside (0, 1/2)."""
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"A margin must not be negative, nor {margin}.")
    fraction(2 * alpha, "Twice alpha")


Numbers = tuple[Interval, float, float]
"""The interval at 1 - alpha, p of "equal", p of "at least the margin apart"."""


def by_discordant(
    wins: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: float, alpha: float
) -> tuple[Interval, Floats, Floats]:
    """`Numbers` of right-or-wrong items; numbers or arrays of as many comparisons."""
    interval, p_unequal = tango(wins, losses, n, level=1 - alpha), mcnemar(wins, losses)
    if margin >= 1:
        return interval, p_unequal, np.zeros_like(p_unequal)
    above, below = (score_statistic(wins, losses, n, null) for null in (-margin, margin))
    return interval, p_unequal, np.maximum(special.ndtr(-above), special.ndtr(below))


def by_t(found: Difference, margin: float, alpha: float) -> Numbers:
    return found.interval(level=1 - alpha), found.p_unequal(), tost(found, margin)


def by_bootstrap(d: Floats, margin: float, alpha: float, seed: int) -> Numbers:
    drawn = bootstrap(d, seed=seed)
    return drawn.interval(level=1 - alpha), drawn.p_unequal(), max(drawn.p_above(-margin), drawn.p_below(margin))


def by_sameness(found: Difference, margin: float, alpha: float) -> Numbers:
    """All differences are d; a share u of unseen units may lie anywhere in [-1, 1]: the mean is in d (1 - u) -+ u."""
    u = sameness(float(quantile(1 - alpha / 2)), found.units)
    interval = Interval(*(np.asarray(found.mean * (1 - u) + side * u) for side in (-1, 1)))
    p_unequal = 1.0 if abs(found.mean) < 1e-12 else 2.0 * 0.5**found.units
    # |d| (1 - u) + u = margin gives the u, and with it the z, at which the interval just fills the margin.
    room = (margin - abs(found.mean)) / (1 - abs(found.mean)) if abs(found.mean) < 1 else 0.0
    if room <= 0 or room >= 1:
        return interval, min(1.0, p_unequal), float(room <= 0)
    return interval, min(1.0, p_unequal), float(special.ndtr(-math.sqrt(found.units * room / (1 - room))))
