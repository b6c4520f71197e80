"""How far two raters of the same items agree: the share of equal ratings, and Cohen's kappa, which takes off chance."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats, Interval, fraction
from leaderboard.statistics.intervals import quantile, wilson


class Agreement(NamedTuple):
    """Two raters on `n` items that both rated, `share` of them alike, with its interval.

    `kappa` is None where chance alone would have them agree always (both say one thing); so is its interval.
    """

    n: int
    alike: int
    share: float
    low: float
    high: float
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None


def agreement(first: ArrayLike, second: ArrayLike, categories: int, *, level: float = 0.95) -> Agreement:
    """Ratings (n,) as numbers from 0 to `categories` - 1, of the same items in the same order.

    The share has Wilson's interval. Raises ValueError for no items, and for lists of other lengths or numbers.
    """
    a, b = np.asarray(first, dtype=int), np.asarray(second, dtype=int)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError("Two raters agree or not on the same items, one at least.")
    if min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= categories:
        raise ValueError(f"Ratings are numbers from 0 to {categories - 1}.")
    n = len(a)
    table = np.zeros((categories, categories))
    np.add.at(table, (a, b), 1)
    alike = int(np.trace(table))
    share = wilson(alike, n, level=level)
    kappa, enclosed = cohen(table, level=level)
    ends = (None, None) if enclosed is None else (float(enclosed.low), float(enclosed.high))
    return Agreement(n, alike, alike / n, float(share.low), float(share.high), kappa, *ends)


def cohen(table: ArrayLike, *, level: float = 0.95) -> tuple[float | None, Interval | None]:
    """Cohen's kappa of a square table of counts, and its interval.

    kappa = (p_o - p_e) / (1 - p_e), p_o the share on the diagonal and p_e what the margins give by chance. Standard
    error as Fleiss, Cohen and Everitt 1969 (Fleiss, Levin and Paik 2003, formula 18.13). Where all is on the diagonal
    that error is 0, which so few items do not prove: there the interval is that of p_o by Wilson, p_e held fixed.
    Source: Cohen 1960, doi:10.1177/001316446002000104; Fleiss, Cohen and Everitt 1969, doi:10.1037/h0028106.
    """
    counts = np.asarray(table, dtype=float)
    n = counts.sum()
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    if 1 - chance < 1e-12:
        return None, None
    kappa = (observed - chance) / (1 - chance)
    if observed > 1 - 1e-12:
        share = wilson(round(float(np.trace(counts))), round(float(n)), level=level)
        return kappa, Interval(*(np.asarray((end - chance) / (1 - chance)) for end in share))
    reach = float(quantile((1 + fraction(level, "A level")) / 2)) * kappa_error(p, kappa, chance, float(n))
    return kappa, Interval(np.asarray(max(-1.0, kappa - reach)), np.asarray(min(1.0, kappa + reach)))


def kappa_error(p: Floats, kappa: float, chance: float, n: float) -> float:
    """sqrt(A + B - C) / ((1 - p_e) sqrt(n)), the letters as in Fleiss, Levin and Paik 2003."""
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    on = float((np.diag(p) * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    across = (columns[:, None] + rows[None, :]) ** 2  # of cell (i, j): p_.i + p_j.
    off = (1 - kappa) ** 2 * float((p * across).sum() - (np.diag(p) * np.diag(across)).sum())
    rest = (kappa - chance * (1 - kappa)) ** 2
    return math.sqrt(max(0.0, on + off - rest) / n) / (1 - chance)
