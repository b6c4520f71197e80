import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leaderboard.statistics.errors import clustered_error
from leaderboard.statistics.paired import paired_difference
from leaderboard.statistics.resampling import bootstrap, draw_means, sign_flip

pytestmark = pytest.mark.slow

skewed = np.random.default_rng(1).exponential(0.2, 60) - 0.15


@pytest.mark.parametrize(("corrected", "method"), [(True, "BCa"), (False, "percentile")])
def test_intervals_are_scipys(corrected: bool, method: str) -> None:
    mine = bootstrap(skewed, resamples=40_000, corrected=corrected).interval()
    scipy = stats.bootstrap((skewed,), np.mean, n_resamples=40_000, method=method, rng=np.random.default_rng(2))
    assert mine == pytest.approx(tuple(scipy.confidence_interval), abs=0.02 * np.ptp(mine))


def test_the_distribution_is_that_of_the_mean() -> None:
    found = bootstrap(skewed)
    assert found.mean == pytest.approx(skewed.mean())
    assert found.draws.std() == pytest.approx(skewed.std() / math.sqrt(60), rel=0.03)
    # The acceleration of a mean is a sixth of its skewness (Efron 1987).
    assert found.acceleration == pytest.approx(stats.skew(skewed) / 6 / math.sqrt(60))
    assert found.draws.shape == (9999,)


def test_counting_values_is_drawing_items() -> None:
    """Few distinct values are resampled as counts: the same distribution, by Kolmogorov and Smirnov."""
    rng = np.random.default_rng(3)
    d = rng.integers(-1, 2, 100) / 1.0
    counted = draw_means(rng, d, np.ones(100), 4000)
    drawn = d[rng.integers(0, 100, (4000, 100))].mean(axis=1)
    assert counted.mean() == pytest.approx(drawn.mean(), abs=0.005)
    assert counted.std() == pytest.approx(drawn.std(), rel=0.05)
    assert np.quantile(counted, [0.05, 0.95]) == pytest.approx(np.quantile(drawn, [0.05, 0.95]), abs=0.015)


def test_clusters_are_drawn_whole() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 50, 400)
    d = rng.normal(0, 1, 50)[labels] + rng.normal(0, 0.5, 400)
    assert bootstrap(d, labels).draws.std() == pytest.approx(clustered_error(d, labels), rel=0.08)
    assert bootstrap(d).draws.std() < clustered_error(d, labels) / 2
    # Clusters of equal size and sum leave nothing to chance.
    assert np.ptp(bootstrap([1, 0, 1, 0], ["a", "a", "b", "b"]).draws) == 0


def test_the_seed_decides_alone() -> None:
    assert (bootstrap(skewed, seed=1).draws == bootstrap(skewed, seed=1).draws).all()
    assert (bootstrap(skewed, seed=1).draws != bootstrap(skewed, seed=2).draws).any()
    assert sign_flip(skewed, seed=1) == sign_flip(skewed, seed=1)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(-0.3, 0.3), st.booleans(), st.sampled_from([0.8, 0.9, 0.95]))
def test_p_values_turn_where_the_interval_ends(seed: int, null: float, corrected: bool, level: float) -> None:
    d = np.random.default_rng(seed).exponential(0.3, 40) - 0.3
    found = bootstrap(d, resamples=999, corrected=corrected)
    low, high = found.interval(level=level)
    tail = (1 - level) / 2
    for side, end, p in ((1, low, found.p_above), (-1, high, found.p_below)):
        assert p(end - side * 0.01) < tail + 0.01
        assert p(end + side * 0.01) > tail - 0.01
    assert 1 / 1000 <= found.p_unequal(null) <= 1
    assert found.p_above(null) + found.p_below(null) == pytest.approx(1, abs=0.01)


def test_p_values_agree_with_t_where_t_holds() -> None:
    d = np.random.default_rng(5).normal(0.02, 0.2, 800)
    found, t = bootstrap(d, resamples=40_000), paired_difference(d, np.zeros(800))
    assert found.p_unequal() == pytest.approx(t.p_unequal(), abs=0.01)
    assert found.interval() == pytest.approx(t.interval(), abs=0.02 * np.ptp(t.interval()))


def test_intervals_cover() -> None:
    rng, inside = np.random.default_rng(6), []
    for seed in range(600):
        d = rng.exponential(0.3, 150) - 0.3
        low, high = bootstrap(d, resamples=800, seed=seed).interval()
        inside.append(low <= 0 <= high)
    assert 0.925 <= np.mean(inside) <= 0.97


def test_nothing_to_resample() -> None:
    same = bootstrap([0.1, 0.1, 0.1])
    assert same.interval() == pytest.approx((0.1, 0.1))
    assert sign_flip([0.0, 0.0]) == 1
    for d in ([0.1], [0.1, math.nan]):
        with pytest.raises(ValueError, match="Items"):
            bootstrap(d)


def test_a_hand_worked_permutation() -> None:
    # Of the 8 signings of 1, 2, 3 only +++ and --- reach 6.
    assert sign_flip([1, 2, 3]) == pytest.approx(2 / 8)
    assert sign_flip([1, 2, 3, 0, 0]) == pytest.approx(2 / 8)
    assert sign_flip([1, -1]) == 1


@settings(max_examples=30)
@given(st.lists(st.sampled_from([-0.5, -0.25, 0.25, 0.5, 1.0]), min_size=2, max_size=9))
def test_all_permutations_are_scipys(d: list[float]) -> None:
    expected = stats.permutation_test(
        (d, np.zeros(len(d))), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    # scipy doubles the smaller tail, which is the same as both tails: signs are symmetric.
    assert sign_flip(d) == pytest.approx(min(1.0, float(expected.pvalue)))


def test_random_permutations_agree_with_t() -> None:
    d = np.random.default_rng(7).normal(0.03, 0.2, 300)
    assert sign_flip(d) == pytest.approx(paired_difference(d, np.zeros(300)).p_unequal(), abs=0.01)
    assert sign_flip(d + 1) == 1 / 10_000
