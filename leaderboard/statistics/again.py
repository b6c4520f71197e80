"""Whether two runs of one model over the same items agree within noise: one that is doubted, and one that is not. Pure.

Kernels and batches differ between hosts, and single items come out otherwise for no reason: `rate` is how often. What
was invented to look better differs more often than that, or always in one direction, or by a little everywhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics import binomial

RATES = {"float32": 0.001}
"""How often an item comes out otherwise on another host, by precision ..."""
NOISY = 0.02
"""... and in any other, as `parity verify` has it too."""
SURE = 0.999
"""A run that differs by noise alone passes each of the tests this often."""
APART = 0.1
"""Scores of an item, fractions, that are further apart came out otherwise; probabilities differ by less every time."""


@dataclass(frozen=True)
class Agreement:
    """Of `items`, how many came `apart`, and how many may; `shift`: the mean of the doubted run minus the other's.
    `problem`: what is no noise, in a sentence, or ""."""

    items: int
    apart: int
    allowed: int
    shift: float
    problem: str


def rate_of(precision: str) -> float:
    """How often an item may come out otherwise, by the precision that a run says it had."""
    return RATES.get(precision.removeprefix("torch."), NOISY)


def agreement(doubted: ArrayLike, again: ArrayLike, *, rate: float) -> Agreement:
    """Compare the scores (n,) of the same items in the same order, fractions; raises ValueError for none, or others.

    Three tests, each at `SURE`: the number of items apart against a binomial one, their directions against a coin, and
    the shift against what the allowed items could make together.
    """
    first, second = np.asarray(doubted, dtype=float), np.asarray(again, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError("The same items have to be there twice, and at least one.")
    difference = first - second
    far = np.abs(difference) > APART
    items, apart = int(difference.size), int(far.sum())
    allowed = binomial.ppf(SURE, items, rate)
    better = int((difference[far] > 0).sum())
    shift = float(difference.mean())
    problem = ""
    if apart > allowed:
        problem = f"{apart:,} of {items:,} items score otherwise, and noise explains {allowed:,}."
    elif 2 * binomial.cdf(min(better, apart - better), apart, 0.5) < 1 - SURE:
        problem = f"{max(better, apart - better):,} of the {apart:,} items that score otherwise do so in one direction."
    elif abs(shift) > max(allowed, 1) / items:
        problem = f"The scores of {items:,} items differ by {shift:+.4f} on average."
    return Agreement(items, apart, allowed, shift, problem)
