"""Ranks, how sure they are, and how paired tests make them surer."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from leaderboard.statistics.arrays import Floats, Integers

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: score +- Z95 x stderr covers 95 %."""

Numbers = Sequence[float | None] | Floats


class Rank(NamedTuple):
    """`rank` counts strictly better scores plus one (equal scores share it, "1224"); [low, high] contains it.

    `low` and `high` are None where the score has no error: nobody knows how sure that rank is.
    """

    rank: int
    low: int | None
    high: int | None


class Bounds(NamedTuple):
    """Scores (NaN: missing) and the ends of their 95 % intervals, (N,); infinite ends where the error is missing."""

    score: Floats
    lower: Floats
    upper: Floats
    known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def ranks(scores: Numbers, stderrs: Numbers) -> list[Rank | None]:
    """Rank of each of N models, higher scores first, in the order given.

    low = 1 + models whose lower bound exceeds your upper bound; high = N - models whose upper bound is below your
    lower bound, with 95 % bounds score +- 1.96 stderr; N counts the models that have a score. O(N log N) by sorting
    the bounds. Two intervals that do not overlap are a stricter test than 5 % (about 0.6 % for equal errors), so that
    an interval of ranks holds the true one more often than 95 %; it is no joint statement about all N.
    Source: marginal rank intervals as in Goldstein and Spiegelhalter 1996; Mogstad, Romano, Shaikh and Wilhelm 2024.
    A missing score (None or NaN) has no rank. A missing error leaves the plain rank without an interval; that model
    counts in N and is surely better or worse than nobody.
    Raises ValueError for lists of different length, infinite scores, and errors negative or infinite.
    """
    found = bounds(scores, stderrs)
    return listed(found, *counted(found))


def tighten(scores: Numbers, stderrs: Numbers, decided: Iterable[tuple[int, int]]) -> list[Rank | None]:
    """`ranks`, narrowed by pairs (winner, loser) that a paired test decided; indices into `scores`.

    A pair whose bounds overlap adds 1 to the loser's low and takes 1 from the winner's high; and as whoever beats you
    stands above you, low >= the winner's low + 1 and high <= the loser's high - 1. Intervals never widen, and if every
    pair and every bound is right they hold the true rank. O((N + P) log (N + P)) for P pairs.
    Raises ValueError where a winner's score is not above the loser's (then the items behind the scores are not those of
    the test), or one has none.
    """
    return listed(bounds(scores, stderrs), *tightened(scores, stderrs, np.array(list(decided), dtype=np.int64)))


def tightened(scores: Numbers, stderrs: Numbers, decided: Integers) -> tuple[Integers, Integers]:
    """low and high of `tighten`, (N,) each, of no meaning where the score or the error is missing; `decided` (P, 2)."""
    found = bounds(scores, stderrs)
    low, high = counted(found)
    pairs = np.unique(decided.reshape(-1, 2), axis=0)
    winner, loser = pairs.T
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= len(found.score)):
        raise ValueError("Decided pairs must be indices into the scores.")
    if not (found.score[winner] > found.score[loser]).all():
        raise ValueError("The winner of a decided pair must have the higher score.")
    new = ~(found.lower[winner] > found.upper[loser])
    np.add.at(low, loser[new], 1)
    np.subtract.at(high, winner[new], 1)
    # Winners come before losers in order of score, so that one sweep each way settles every chain.
    down, up = np.argsort(-found.score[loser], kind="stable"), np.argsort(found.score[winner], kind="stable")
    for best, worst in pairs[down].tolist():
        low[worst] = max(low[worst], low[best] + 1)
    for best, worst in pairs[up].tolist():
        high[best] = min(high[best], high[worst] - 1)
    return low, high


def neighbours(scores: Numbers, stderrs: Numbers, *, reach: int = 1) -> Integers:
    """The pairs worth a paired test: at most `reach` places apart by score, scores unequal, intervals overlapping.

    (better, worse) indices (P, 2), best first. Models without an error are left out.
    """
    found = bounds(scores, stderrs)
    order = np.argsort(-found.score, kind="stable")
    order = order[found.known[order]]
    pairs = [(order[:-step], order[step:]) for step in range(1, min(reach, len(order) - 1) + 1)]
    best = np.concatenate([first for first, _ in pairs]) if pairs else order[:0]
    worst = np.concatenate([second for _, second in pairs]) if pairs else order[:0]
    close = (found.lower[best] <= found.upper[worst]) & (found.score[best] > found.score[worst])
    best, worst = best[close], worst[close]
    sort = np.lexsort((-found.score[worst], -found.score[best]))
    return np.stack([best[sort], worst[sort]], axis=1)


def bounds(scores: Numbers, stderrs: Numbers) -> Bounds:
    """Scores and the ends of their intervals. Raises ValueError as `ranks` says."""
    score, error = np.asarray(scores, dtype=float), np.asarray(stderrs, dtype=float)
    if score.shape != error.shape or score.ndim != 1:
        raise ValueError("Scores and standard errors must be two lists of the same length.")
    if np.isinf(score).any() or np.isinf(error).any() or (error < 0).any():
        raise ValueError("Scores must be finite or missing, and standard errors finite and not negative, or missing.")
    known = ~(np.isnan(score) | np.isnan(error))
    half = np.where(known, Z95 * error, np.inf)
    return Bounds(score, score - half, score + half, known)


def counted(found: Bounds) -> tuple[Integers, Integers]:
    """low and high of every model, (N,) each; of no meaning where the score is missing."""
    scored = ~np.isnan(found.score)
    lower, upper = np.sort(found.lower[scored]), np.sort(found.upper[scored])
    n = len(lower)
    surely_better = n - np.searchsorted(lower, found.upper, side="right")
    surely_worse = np.searchsorted(upper, found.lower, side="left")
    return (1 + surely_better).astype(np.int64), (n - surely_worse).astype(np.int64)


def listed(found: Bounds, low: Integers, high: Integers) -> list[Rank | None]:
    """One Rank a model, or None, from arrays (N,)."""
    scored = ~np.isnan(found.score)
    order = np.sort(found.score[scored])
    rank = 1 + len(order) - np.searchsorted(order, found.score, side="right")
    rows = zip(rank.tolist(), low.tolist(), high.tolist(), scored.tolist(), found.known.tolist(), strict=True)
    return [
        (Rank(place, a, b) if sure else Rank(place, None, None)) if has else None for place, a, b, has, sure in rows
    ]


def places(scores: Sequence[float] | Floats) -> Integers:
    """The plain rank of each score, (N,), higher first: strictly better scores plus one, equal scores share it.

    For scores without standard errors, which allow no interval.
    """
    score = np.asarray(scores, dtype=float)
    return (len(score) - np.searchsorted(np.sort(score), score, side="right") + 1).astype(np.int64)
