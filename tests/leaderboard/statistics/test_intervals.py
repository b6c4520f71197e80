import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from leaderboard.statistics.intervals import (
    beta_binomial,
    jeffreys,
    overdispersion,
    quantile,
    share_interval,
    student,
    wilson,
)

solved = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.5, 0.999)


def test_quantiles_are_scipys() -> None:
    assert quantile(0.975) == pytest.approx(stats.norm.ppf(0.975), rel=1e-12)
    assert quantile(0.975, [3, math.inf]) == pytest.approx([stats.t.ppf(0.975, 3), stats.norm.ppf(0.975)], rel=1e-9)


def test_hand_worked_intervals() -> None:
    # Brown, Cai and DasGupta's formula at x = 5 of 10: (5 + 1.9207 -+ 1.96 sqrt(2.5 + 0.9604)) / 13.8415.
    assert wilson(5, 10) == pytest.approx((0.236593, 0.763407), abs=1e-6)
    assert wilson(0, 10) == pytest.approx((0, 3.841459 / 13.841459), abs=1e-6)
    assert student(0.5, 0.1, df=9).high == pytest.approx(0.5 + 0.1 * 2.262157, abs=1e-6)
    assert student(0.5, 0.1).low == pytest.approx(0.5 - 0.1959964, abs=1e-6)


@given(solved, levels)
def test_wilson_is_scipys_and_statsmodels(case: tuple[int, int], level: float) -> None:
    x, n = case
    scipy = stats.binomtest(x, n).proportion_ci(level, method="wilson")
    assert wilson(x, n, level=level) == pytest.approx((scipy.low, scipy.high), abs=1e-9)
    assert wilson(x, n, level=level) == pytest.approx(proportion_confint(x, n, 1 - level, "wilson"), abs=1e-9)


@given(solved, levels)
def test_jeffreys_is_statsmodels_inside_and_closed_at_the_ends(case: tuple[int, int], level: float) -> None:
    x, n = case
    low, high = proportion_confint(x, n, 1 - level, "jeffreys")
    found = jeffreys(x, n, level=level)
    assert found.low == pytest.approx(low if x else 0.0, abs=1e-9)
    assert found.high == pytest.approx(high if x < n else 1.0, abs=1e-9)


@given(solved)
def test_intervals_hold_the_share_stay_on_the_scale_and_mirror(case: tuple[int, int]) -> None:
    x, n = case
    for interval in (wilson, jeffreys):
        low, high = interval(x, n)
        assert 0 <= low <= x / n <= high <= 1
        assert interval(n - x, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)
        wide = interval(x, n, level=0.99)
        assert wide.low <= low + 1e-12 and wide.high >= high - 1e-12


def test_small_samples_are_covered() -> None:
    """The exact coverage, averaged over shares: close to 95 % for few items, where +- 1.96 se is far off."""
    shares = np.linspace(0.02, 0.98, 97)
    for n in (10, 30, 100):
        x = np.arange(n + 1)
        mass = stats.binom.pmf(x, n, shares[:, None])
        for interval in (wilson, jeffreys):
            low, high = interval(x, n)
            covered = (mass * ((low <= shares[:, None]) & (shares[:, None] <= high))).sum(axis=1)
            assert 0.94 <= covered.mean() <= 0.965
    half = 1.96 * np.sqrt(x * (n - x) / n**3)
    covered = (mass * (np.abs(x / n - shares[:, None]) <= half)).sum(axis=1)
    assert covered.min() < 0.90


def test_overdispersion_is_the_analysis_of_variance() -> None:
    x, m = np.array([4, 0, 3, 1, 2, 4]), np.array([4, 3, 5, 4, 2, 6])
    rows = [np.r_[np.ones(a), np.zeros(b - a)] for a, b in zip(x, m, strict=True)]
    every = np.concatenate(rows)
    between = sum(len(row) * (row.mean() - every.mean()) ** 2 for row in rows) / 5
    within = sum(((row - row.mean()) ** 2).sum() for row in rows) / (len(every) - 6)
    typical = (24 - (m**2).sum() / 24) / 5
    assert overdispersion(x, m) == pytest.approx((between - within) / (between + (typical - 1) * within))
    assert stats.f_oneway(*rows).statistic == pytest.approx(between / within)


def test_overdispersion_of_copies_is_one_and_of_nothing_unknown() -> None:
    assert overdispersion([4, 0, 4, 0], [4, 4, 4, 4]) == pytest.approx(1)
    assert overdispersion([2, 2, 2, 2], [4, 4, 4, 4]) == 0
    for x, m in (([0, 0], [3, 3]), ([3, 3], [3, 3]), ([1, 0], [1, 1]), ([1], [2])):
        assert math.isnan(overdispersion(x, m))


@given(st.lists(st.integers(1, 6).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), min_size=2, max_size=40))
def test_clusters_never_shorten_the_interval(clusters: list[tuple[int, int]]) -> None:
    x, m = np.array(clusters).T
    low, high = beta_binomial(x, m)
    plain = jeffreys(x.sum(), m.sum())
    assert 0 <= low <= x.sum() / m.sum() <= high <= 1
    assert high - low >= (plain.high - plain.low) * (1 - 1e-9)


def test_what_clusters_are_worth() -> None:
    ones = np.ones(30)
    assert beta_binomial([1, 0] * 15, ones) == pytest.approx(jeffreys(15, 30))
    # Copies: 10 clusters are 10 items, and less for the ten of which rho is learnt.
    copies = beta_binomial([5, 0] * 5, [5] * 10)
    assert copies.high - copies.low >= np.ptp(jeffreys(5, 10))
    assert beta_binomial([5] * 10, [5] * 10) == pytest.approx(jeffreys(10, 10))


def test_overdispersed_scores_are_covered() -> None:
    rng = np.random.default_rng(5)
    for groups, size, rho, share in ((20, 5, 0.3, 0.8), (100, 3, 0.5, 0.7), (30, 8, 0.6, 0.5)):
        a, b = share * (1 / rho - 1), (1 - share) * (1 / rho - 1)
        x = rng.binomial(size, rng.beta(a, b, (1000, groups)))
        ends = [beta_binomial(row, np.full(groups, size)) for row in x]
        assert 0.925 <= np.mean([low <= share <= high for low, high in ends]) <= 0.975
        naive = jeffreys(x.sum(axis=1), groups * size)
        assert ((naive.low <= share) & (share <= naive.high)).mean() < 0.88


def test_impossible_counts_and_levels_are_refused() -> None:
    for x, n in ((1, 0), (-1, 3), (4, 3), (math.nan, 3)):
        for interval in (wilson, jeffreys):
            with pytest.raises(ValueError, match="must"):
                interval(x, n)
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, level=1.0)
    with pytest.raises(ValueError, match="negative"):
        student(0.5, -0.1)
    with pytest.raises(ValueError, match="2 clusters"):
        beta_binomial([1], [2])


def test_a_mean_with_a_known_error_is_a_share_of_as_many_items() -> None:
    p, n = 0.24, 25
    error = math.sqrt(p * (1 - p) / (n - 1))  # as lm-eval computes it
    assert share_interval(p, error, n) == pytest.approx(wilson(p * (n - 1), n - 1))
    assert share_interval(p, 2 * error, n) == pytest.approx(wilson(p * (n - 1) / 4, (n - 1) / 4)), "items in clusters"
    low, high = share_interval(0.08, 0.0554, n)
    assert (low > 0, high == pytest.approx(0.2543, abs=2e-4)) == (True, True), "the even interval begins below 0"


@pytest.mark.parametrize(("score", "expected"), [(0.0, (0.0, 0.1332)), (1.0, (0.8668, 1.0)), (0.5, (0.3175, 0.6825))])
def test_items_that_are_all_alike_are_not_certain(score: float, expected: tuple[float, float]) -> None:
    """z^2 / (n + z^2) = 3.8415 / 28.8415 = 0.1332 for none of 25."""
    assert share_interval(score, 0.0, 25) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("score", "error", "n"), [(-0.1, 0.1, 5), (1.1, 0.1, 5), (0.5, -0.1, 5), (0.5, 0.1, 0)])
def test_a_mean_of_nothing_or_outside_has_no_interval(score: float, error: float, n: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        share_interval(score, error, n)
