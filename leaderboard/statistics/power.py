"""How many items a comparison needs, and what a suite cannot tell. All for a two-sided test on paired differences.

`sd` is the standard deviation of the differences item by item, `difference` the true one in the same unit; arrays
broadcast. `design_effect` (clustered variance / independent variance, >= 1) is for items in clusters.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from leaderboard.statistics.arrays import Floats, errors, finite, fraction
from leaderboard.statistics.intervals import quantile


def power(
    difference: ArrayLike, sd: ArrayLike, n: ArrayLike, *, alpha: float = 0.05, design_effect: float = 1.0
) -> Floats:
    """The chance to find a true difference with n items: Phi(d / se - z) + Phi(-d / se - z), se = sd sqrt(D / n).

    Source: Miller 2024 (arXiv 2411.00640), "Power analysis"; the normal approximation, good from about 30 items.
    Raises ValueError for a negative sd, n < 1 or alpha outside (0, 1).
    """
    d, spread, size = np.abs(finite(difference, "Differences", least=0)), errors(sd, "Deviations"), items(n)
    z = quantile(1 - fraction(alpha, "Alpha") / 2)
    effect = np.where(d == 0, 0.0, d / np.maximum(spread * np.sqrt(design_effect / size), 1e-300))
    return np.asarray(special.ndtr(effect - z) + special.ndtr(-effect - z))[()]


def items_needed(
    difference: ArrayLike, sd: ArrayLike, *, alpha: float = 0.05, power: float = 0.8, design_effect: float = 1.0
) -> Floats:
    """n = (z_{1 - alpha/2} + z_power)^2 sd^2 D / d^2, rounded up; infinite for no difference.

    Source: Miller 2024, "Power analysis", where sd^2 = omega^2 + sigma_A^2 / K_A + sigma_B^2 / K_B. The far tail,
    a sure difference of the wrong sign, is left out: n is never too small. Whole numbers as floats. Raises ValueError
    as `power`.
    """
    d, spread = np.abs(finite(difference, "Differences", least=0)), errors(sd, "Deviations")
    total = quantile(1 - fraction(alpha, "Alpha") / 2) + quantile(fraction(power, "Power"))
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(d == 0, np.inf, np.ceil((total * spread / d) ** 2 * design_effect - 1e-9))
    return np.asarray(np.maximum(1.0, n))[()]


def more_items(
    difference: ArrayLike,
    sd: ArrayLike,
    n: ArrayLike,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> Floats:
    """Items to add to the n measured ones to separate two models, if the observed difference is the true one.

    max(0, `items_needed` - n); infinite for no difference. An observed difference that stands out is on average larger
    than the true one, so the number is a low guess.
    """
    needed = items_needed(difference, sd, alpha=alpha, power=power, design_effect=design_effect)
    return np.maximum(0.0, needed - items(n))[()]


def detectable(
    sd: ArrayLike, n: ArrayLike, *, alpha: float = 0.05, power: float = 0.8, design_effect: float = 1.0
) -> Floats:
    """The smallest true difference that n items find with that power: (z_{1 - alpha/2} + z_power) sd sqrt(D / n).

    Source: Miller 2024, "Power analysis", solved for the difference. Unit of `sd`. Raises ValueError as `power`.
    """
    total = quantile(1 - fraction(alpha, "Alpha") / 2) + quantile(fraction(power, "Power"))
    return np.asarray(total * errors(sd, "Deviations") * np.sqrt(design_effect / items(n)))[()]


def discordant_sd(discordance: ArrayLike, difference: ArrayLike = 0.0) -> Floats:
    """sqrt(p - d^2): the sd of differences of 0/1 items when a share p is solved by one of the two models alone.

    Source: Connor 1987. Raises ValueError unless |d| <= p <= 1.
    """
    p, d = finite(discordance, "Shares", least=0), finite(difference, "Differences", least=0)
    if (p > 1).any() or (np.abs(d) > p).any():
        raise ValueError("A share of discordant items lies between the difference and 1.")
    return np.asarray(np.sqrt(p - d**2))[()]


def noise_floor(stderrs: ArrayLike, *, correlation: float = 0.0, level: float = 0.95) -> float:
    """Differences of two suite scores below this are noise: z sqrt(2 (1 - r) sum se^2) / k, in the unit of `stderrs`.

    `stderrs` (k,) are those of a typical model's k task scores; r in [0, 1) is the correlation of two models' scores
    over the items (0: no pairing). Var(a - b) = 2 (1 - r) se^2 for models of equal spread.
    Source: Miller 2024, "Paired analysis". Raises ValueError for no tasks and r outside [0, 1).
    """
    error = errors(finite(stderrs, "Tasks"))
    if not 0 <= correlation < 1:
        raise ValueError(f"A correlation lies in [0, 1) here, not at {correlation}.")
    z = quantile((1 + fraction(level, "A level")) / 2)
    return float(z * np.sqrt(2 * (1 - correlation) * (error**2).sum()) / error.size)


def items(n: ArrayLike) -> Floats:
    """Numbers of items, or ValueError for less than one."""
    size = finite(n, "Numbers of items", least=0)
    if (size < 1).any():
        raise ValueError("There must be at least one item.")
    return size
