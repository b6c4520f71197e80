import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestPower

from leaderboard.statistics.mcnemar import mcnemar
from leaderboard.statistics.power import detectable, discordant_sd, items_needed, more_items, noise_floor, power

effects, sds = st.floats(0.005, 0.5), st.floats(0.05, 1)
levels, powers = st.floats(0.001, 0.2), st.floats(0.5, 0.99)


def test_hand_worked_numbers() -> None:
    # (1.959964 + 0.841621)^2 = 7.848880: sd 0.5 and a difference of 0.05 need 785 items.
    assert items_needed(0.05, 0.5) == 785
    assert more_items(0.05, 0.5, 500) == 285
    assert more_items(0.05, 0.5, 1000) == 0
    assert detectable(0.5, 785) == pytest.approx(math.sqrt(7.84888 / 785) / 2, rel=1e-6)
    assert items_needed(0.05, 0.5, design_effect=2) == 1570
    assert power(0.0, 0.5, 100) == pytest.approx(0.05)
    assert discordant_sd(0.2, 0.1) == pytest.approx(math.sqrt(0.19))
    assert noise_floor([3.0, 4.0]) == pytest.approx(1.959964 * math.sqrt(50) / 2, rel=1e-6)
    assert noise_floor([3.0, 4.0], correlation=0.75) == pytest.approx(1.959964 * math.sqrt(12.5) / 2, rel=1e-6)


@given(effects, sds, st.integers(5, 5000), levels)
def test_power_is_statsmodels(d: float, sd: float, n: int, alpha: float) -> None:
    expected = NormalIndPower().power(d / sd, n, alpha, ratio=0)
    assert power(d, sd, n, alpha=alpha) == pytest.approx(expected, abs=1e-9)


@given(effects, sds, levels, powers)
def test_items_needed_are_the_fewest_that_do(d: float, sd: float, alpha: float, wanted: float) -> None:
    n = items_needed(d, sd, alpha=alpha, power=wanted)
    assert power(d, sd, n, alpha=alpha) >= wanted - 1e-9
    if n > 1:
        far = stats.norm.cdf(stats.norm.ppf(alpha / 2) - d / sd * math.sqrt(n - 1))
        assert power(d, sd, n - 1, alpha=alpha) - far < wanted + 1e-9
    assert detectable(sd, n, alpha=alpha, power=wanted) <= d + 1e-9


@pytest.mark.parametrize(("d", "sd"), [(0.05, 0.5), (0.02, 0.4), (0.1, 0.6)])
def test_items_needed_are_those_of_the_paired_t_test(d: float, sd: float) -> None:
    exact = TTestPower().solve_power(d / sd, alpha=0.05, power=0.8)
    # Student's t asks for about two items more.
    assert 0 <= exact - items_needed(d, sd) <= 3


@given(effects, sds, st.integers(1, 10_000), st.floats(1, 10))
def test_clusters_and_smaller_differences_ask_for_more(d: float, sd: float, n: int, effect: float) -> None:
    assert items_needed(d, sd, design_effect=effect) >= items_needed(d, sd)
    assert items_needed(d / 2, sd) >= items_needed(d, sd)
    assert items_needed(-d, sd) == items_needed(d, sd)
    assert more_items(d, sd, n) == max(0, items_needed(d, sd) - n)
    assert power(d, sd, n, design_effect=effect) <= power(d, sd, n) + 1e-12
    assert detectable(sd, n, design_effect=effect) == pytest.approx(math.sqrt(effect) * detectable(sd, n))


def test_no_difference_needs_endless_items() -> None:
    assert items_needed(0.0, 0.5) == math.inf and items_needed(0.0, 0.0) == math.inf
    assert more_items([0.0, 0.05], 0.5, 100).tolist() == [math.inf, 685]
    assert items_needed(0.1, 0.0) == 1 and power(0.1, 0.0, 5) == 1


def test_by_simulation_with_mcnemar() -> None:
    """12 % solved by the first alone and 8 % by the second alone: the promised power is what the test achieves."""
    sd = float(discordant_sd(0.2, 0.04))
    n = int(items_needed(0.04, sd))
    won, lost, _ = np.random.default_rng(1).multinomial(n, [0.12, 0.08, 0.8], 4000).T
    assert (mcnemar(won, lost) <= 0.05).mean() == pytest.approx(0.8, abs=0.025)
    won, lost, _ = np.random.default_rng(2).multinomial(n // 4, [0.12, 0.08, 0.8], 4000).T
    assert (mcnemar(won, lost) <= 0.05).mean() == pytest.approx(power(0.04, sd, n // 4), abs=0.03)


def test_the_noise_floor_by_simulation() -> None:
    """Two equal models on three tasks: one suite difference in twenty is above the floor."""
    rng, n = np.random.default_rng(3), np.array([50, 100, 400])
    shares = np.array([0.5, 0.7, 0.8])
    a, b = (rng.binomial(n, shares, (20_000, 3)) / n for _ in range(2))
    floor = noise_floor(np.sqrt(shares * (1 - shares) / n))
    assert (np.abs((a - b).mean(axis=1)) > floor).mean() == pytest.approx(0.05, abs=0.01)


def test_impossible_plans_are_refused() -> None:
    for call in (
        lambda: power(0.1, -1, 10),
        lambda: power(0.1, 1, 0),
        lambda: items_needed(0.1, 1, alpha=0),
        lambda: items_needed(0.1, 1, power=1),
        lambda: items_needed(math.nan, 1),
        lambda: discordant_sd(0.1, 0.2),
        lambda: noise_floor([]),
        lambda: noise_floor([1.0], correlation=1),
    ):
        with pytest.raises(ValueError):
            call()
