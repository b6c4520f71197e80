"""What the items of a task tell: how hard each is, which tell nothing, which tell models apart, and whether the task is
used up. `answers` is (models, items), fractions in [0, 1]; NaN is an item that a model did not answer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats, Integers
from leaderboard.statistics.ranks import Z95


class Extremes(NamedTuple):
    """Indices of items that nobody gets anything for, and that everybody solves: neither tells models apart."""

    nobody: Integers
    everybody: Integers


def difficulty(answers: ArrayLike) -> Floats:
    """The share of models that solve each item (mean score, high is easy), (items,); NaN where nobody answered.

    Source: classical test theory's item difficulty p (Lord and Novick 1968, chapter 15). Raises ValueError for scores
    outside [0, 1].
    """
    x = table(answers)
    there = ~np.isnan(x)
    return np.where(there.any(axis=0), np.nansum(x, axis=0) / np.maximum(there.sum(axis=0), 1), np.nan)


def extremes(answers: ArrayLike) -> Extremes:
    """Items with 0 for every model that answered, and with 1: broken, perhaps; too easy, or leaked."""
    share = difficulty(answers)
    return Extremes(np.flatnonzero(share == 0), np.flatnonzero(share == 1))


def discrimination(answers: ArrayLike) -> Floats:
    """Each item's correlation with the mean of the other items over the models, (items,): the corrected point-biserial.

    r_j = cov(x_j, T - x_j) / sd(x_j) sd(T - x_j), T the sum of a model's items. Low is a coin toss; negative, an item
    that strong models fail, often a wrong key. NaN where the item or the rest does not vary.
    Source: Lord and Novick 1968, section 15.3; the correction, Henrysson 1963. O(models x items).
    Raises ValueError for fewer than two models or items, and for missing answers: the rest must be the same items.
    """
    x = table(answers)
    if min(x.shape) < 2 or np.isnan(x).any():
        raise ValueError("Discrimination needs at least 2 models and 2 items, every one answered.")
    centred = x - x.mean(axis=0)
    total = centred.sum(axis=1)
    own, with_total = np.einsum("ij,ij->j", centred, centred), centred.T @ total
    rest = total @ total + own - 2 * with_total
    # Sums of squares that are rounding only, of items or rests that do not vary.
    varies = (own > 1e-9) & (rest > 1e-9)
    found = (with_total - own) / np.sqrt(np.where(varies, own * rest, 1.0))
    return np.where(varies, np.clip(found, -1, 1), np.nan)


def saturation(scores: ArrayLike, stderrs: ArrayLike, *, ceiling: float = 1.0, top: int = 10) -> float:
    """The share of the `top` models by score whose 95 % interval reaches the ceiling: score + 1.96 se >= ceiling.

    At 1 the task no longer orders the best models. `ceiling` is the score of a perfect model, under 1 where keys are
    known to be wrong. (models,) fractions; missing ones are left out; NaN without any. Raises ValueError for top < 1.
    """
    score, error = np.asarray(scores, dtype=float), np.asarray(stderrs, dtype=float)
    if score.shape != error.shape or score.ndim != 1 or top < 1:
        raise ValueError("Saturation needs two lists of the same length and at least one top model.")
    there = ~(np.isnan(score) | np.isnan(error))
    score, error = score[there], error[there]
    best = np.argsort(-score, kind="stable")[:top]
    # A score equal to the ceiling must reach it in spite of rounding.
    reaches = score[best] + Z95 * error[best] >= ceiling - 1e-12
    return float(reaches.mean()) if len(best) else float("nan")


def table(answers: ArrayLike) -> Floats:
    """`answers` as floats (models, items), or ValueError for another shape or scores outside [0, 1]."""
    x = np.asarray(answers, dtype=float)
    if x.ndim != 2 or (x < 0).any() or (x > 1).any():
        raise ValueError("Answers must be a table of models x items with scores in [0, 1].")
    return x
