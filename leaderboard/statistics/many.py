"""Many comparisons at once, quick enough for a page: hundreds of pairs of models in a fraction of a second."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.paired import Answers, Difference, differences, paired_difference
from leaderboard.statistics.verdict import (
    Comparison,
    by_discordant,
    by_sameness,
    by_t,
    check,
    comparison,
)


class Outline(NamedTuple):
    """A pair before its test: the paired difference, items won and lost; `binary`: all of them are right or wrong."""

    found: Difference
    wins: int
    losses: int
    binary: bool
    alike: bool


def compare_many(pairs: Sequence[tuple[Answers, Answers]], *, margin: float, alpha: float = 0.05) -> list[Comparison]:
    """`verdict.compare` for each pair (without clusters), but t wherever that one would resample.

    The bootstrap takes a tenth of a second for one pair of a thousand items, and a page holds hundreds of them; which
    test is used must not depend on how many stand beside it. Right-or-wrong items are McNemar's, all in one go.
    Raises as `compare`.
    """
    check(margin, alpha)
    outlines = [outline(a, b) for a, b in pairs]
    binary = [one for one in outlines if one.binary]
    wins, losses, n = np.array([(one.wins, one.losses, one.found.n) for one in binary], dtype=float).reshape(-1, 3).T
    interval, unequal, equivalent = by_discordant(wins, losses, n, margin, alpha)
    tested = zip(
        binary, interval.low.tolist(), interval.high.tolist(), unequal.tolist(), equivalent.tolist(), strict=True
    )
    told = {
        id(one): ((interval._replace(low=np.asarray(low), high=np.asarray(high)), p, q), "McNemar")
        for one, low, high, p, q in tested
    }
    out = []
    for one in outlines:
        if one.binary:
            numbers, method = told[id(one)]
        elif one.alike:
            numbers, method = by_sameness(one.found, margin, alpha), "all equal"
        else:
            numbers, method = by_t(one.found, margin, alpha), "t"
        out.append(comparison(one.found, one.wins, one.losses, numbers, margin, alpha, method))
    return out


def outline(a: Answers, b: Answers) -> Outline:
    """Raises DifferentItems, ValueError."""
    d = differences(a, b)
    first, second = np.asarray(a.scores), np.asarray(b.scores)
    if min(first.min(), second.min()) < 0 or max(first.max(), second.max()) > 1:
        raise ValueError("Scores must be fractions in [0, 1].")
    return Outline(
        found=paired_difference(first, second),
        wins=int((d > 0).sum()),
        losses=int((d < 0).sum()),
        binary=right_or_wrong(first) and right_or_wrong(second),
        alike=float(np.ptp(d)) < 1e-12,
    )


def right_or_wrong(scores: Floats) -> bool:
    return bool(((scores == 0) | (scores == 1)).all())
