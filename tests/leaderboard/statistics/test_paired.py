import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.statistics.errors import standard_error
from leaderboard.statistics.paired import (
    Answers,
    Difference,
    DifferentItems,
    differences,
    paired_difference,
    sameness,
    suite_difference,
)

pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=50)


def test_a_hand_worked_difference() -> None:
    # Differences 1, 0, 0, 1: mean 1/2, s^2 = 1/3, se = sqrt(1/12).
    found = paired_difference([1, 1, 0, 1], [0, 1, 0, 0])
    assert found == pytest.approx((0.5, math.sqrt(1 / 12), 3, 4, 4))
    clustered = paired_difference([1, 1, 0, 1], [0, 1, 0, 0], ["a", "b", "b", "a"])
    # Sums of deviations 1 and -1: sqrt(2 x 2) / 4.
    assert clustered == pytest.approx((0.5, 0.5, 1, 4, 2))


@given(pairs)
def test_it_is_the_paired_t_test(items: list[tuple[float, float]]) -> None:
    a, b = np.array(items).T
    found = paired_difference(a, b)
    if found.stderr < 1e-9:
        return
    expected = stats.ttest_rel(a, b)
    assert found.p_unequal() == pytest.approx(expected.pvalue, abs=1e-9)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()), abs=1e-9)
    assert found.p_above(0.1) == pytest.approx(stats.ttest_1samp(a - b, 0.1, alternative="greater").pvalue, abs=1e-9)


@given(pairs)
def test_turning_the_pair_turns_the_difference(items: list[tuple[float, float]]) -> None:
    a, b = np.array(items).T
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert one.mean == pytest.approx(-other.mean) and one.stderr == pytest.approx(other.stderr)
    assert one.p_unequal() == pytest.approx(other.p_unequal(), abs=1e-9)
    assert 0 <= one.p_unequal() <= 1


def test_clusters_are_those_of_cluster_robust_ols() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(25), 8)
    d = rng.normal(0.02, 0.1, 25)[labels] + rng.normal(0, 0.1, 200)
    fit = sm.OLS(d, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": labels}, use_t=True)
    found = paired_difference(d, np.zeros(200), labels)
    assert found.stderr == pytest.approx(float(fit.bse[0]))
    assert found.p_unequal() == pytest.approx(float(fit.pvalues[0]))
    assert found.interval() == pytest.approx(tuple(fit.conf_int()[0]))


def test_pairing_is_what_makes_it_sharp() -> None:
    """Two models that find the same items hard: the paired error is a third of the unpaired one."""
    rng = np.random.default_rng(2)
    hard = rng.random(2000)
    a, b = hard + 0.1 * rng.random(2000), hard + 0.1 * rng.random(2000)
    unpaired = math.hypot(standard_error(a), standard_error(b))
    assert paired_difference(a, b).stderr < unpaired / 3


def test_other_items_are_an_error_of_their_own() -> None:
    one = Answers("a" * 64, [1, 0, 1])
    assert differences(one, Answers("a" * 64, [0, 0, 1])).tolist() == [1, 0, 0]
    with pytest.raises(DifferentItems, match="sets aaaaaaaaaaaa and bbbbbbbbbbbb"):
        differences(one, Answers("b" * 64, [0, 0, 1]))
    with pytest.raises(DifferentItems, match="3 and 2 of them"):
        differences(one, Answers("a" * 64, [0, 0]))
    with pytest.raises(DifferentItems):
        paired_difference([1, 0, 1], [1])
    with pytest.raises(ValueError, match="finite"):
        paired_difference([1, math.nan], [1, 0])


def test_a_hand_worked_suite() -> None:
    found = suite_difference([Difference(0.1, 0.03, 99, 100, 100), Difference(0.3, 0.04, 49, 50, 50)])
    assert found.mean == pytest.approx(0.2)
    assert found.stderr == pytest.approx(0.025)
    v = np.array([0.015, 0.02]) ** 2
    assert found.df == pytest.approx(v.sum() ** 2 / (v**2 / [99, 49]).sum())
    assert (found.n, found.units) == (150, 150)
    # Normalised with chance 1/4 and 1/2.
    scaled = suite_difference([Difference(0.1, 0.03, 99, 100, 100), Difference(0.3, 0.04, 49, 50, 50)], [2 / 3, 1])
    assert scaled.mean == pytest.approx(0.1 * 2 / 3 + 0.3)


def test_the_freedom_of_two_tasks_is_welchs() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.3, 0.1, 12), rng.normal(0.2, 0.3, 20)
    found = suite_difference([paired_difference(x, np.zeros(len(x))) for x in (a, b)], [1, -1])
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert found.df == pytest.approx(welch.df) and found.p_unequal() == pytest.approx(welch.pvalue)


def test_equal_answers_to_few_items_prove_little() -> None:
    same = Difference(0.0, 0.0, 9, 10, 10)
    assert suite_difference([same, same]).stderr > 0.1
    # Equal but for rounding is equal.
    rounded = paired_difference([0.3, 0.4, 0.9, 0.7] * 3, [0.2, 0.3, 0.8, 0.6] * 3)
    assert rounded.stderr > 0 and suite_difference([rounded]).stderr > 0.1
    assert sameness(1.959964, 100) == pytest.approx(0.036993, abs=1e-6)
    for tasks, weights, words in (([], None, "at least one task"), ([same], [1, 2], "one weight a task")):
        with pytest.raises(ValueError, match=words):
            suite_difference(tasks, weights)


def test_a_difference_without_error_is_sure_of_itself() -> None:
    assert Difference(0.2, 0.0, 9, 10, 10).p_unequal() == 0
    assert Difference(-0.2, 0.0, 9, 10, 10).p_unequal() == 0
    assert Difference(0.0, 0.0, 9, 10, 10).p_unequal() == 1
    assert Difference(0.2, 0.1, math.inf, 10, 10).p_unequal() == pytest.approx(2 * stats.norm.sf(2))


def test_suite_intervals_cover() -> None:
    rng, inside = np.random.default_rng(5), []
    for _ in range(1000):
        tasks = [(rng.random(n) < 0.6 + gap, rng.random(n) < 0.6) for n, gap in ((30, 0.1), (80, 0.0), (200, 0.2))]
        low, high = suite_difference([paired_difference(1.0 * a, 1.0 * b) for a, b in tasks]).interval()
        inside.append(low <= 0.1 <= high)
    assert 0.93 <= np.mean(inside) <= 0.97
