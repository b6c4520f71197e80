import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.statistics.errors import clustered_error, repeated_error, standard_error
from leaderboard.statistics.intervals import student

scores = st.lists(st.floats(0, 1), min_size=2, max_size=50)


def test_hand_worked_errors() -> None:
    # 1 0 1 1: mean 3/4, squares 3 x 1/16 + 9/16 = 3/4, s^2 = 1/4, se = 1/4.
    assert standard_error([1, 0, 1, 1]) == pytest.approx(0.25)
    # Clusters (1, 0) and (1, 1): sums of deviations -1/2 and 1/2, so sqrt(2/1 x 1/2) / 4.
    assert clustered_error([1, 0, 1, 1], ["x", "x", "y", "y"]) == pytest.approx(0.25)
    # Copies of two items: as good as the two items themselves.
    assert clustered_error([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]) == pytest.approx(standard_error([1, 0]))


@given(scores)
def test_the_standard_error_is_scipys(x: list[float]) -> None:
    assert standard_error(x) == pytest.approx(stats.sem(x), abs=1e-12)


@given(scores)
def test_clusters_of_one_item_change_nothing(x: list[float]) -> None:
    assert clustered_error(x, range(len(x))) == pytest.approx(standard_error(x), abs=1e-12)


def test_clustered_errors_are_those_of_cluster_robust_ols_on_a_constant() -> None:
    rng = np.random.default_rng(1)
    for groups in (2, 7, 40):
        labels = rng.integers(0, groups, 300)
        labels[:groups] = np.arange(groups)
        x = rng.random(groups)[labels] + rng.random(300)
        model = sm.OLS(x, np.ones(300))
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": labels})
        assert clustered_error(x, labels) == pytest.approx(float(fit.bse[0]), rel=1e-10)
        # Miller's own formula is without the factor.
        plain = model.fit(cov_type="cluster", cov_kwds={"groups": labels, "use_correction": False})
        assert clustered_error(x, labels) == pytest.approx(
            float(plain.bse[0]) * math.sqrt(groups / (groups - 1)), rel=1e-10
        )


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=2, max_size=40), st.randoms())
def test_neither_order_nor_names_of_clusters_matter(items: list[tuple[float, int]], random: object) -> None:
    items[0], items[1] = (items[0][0], 0), (items[1][0], 1)
    before = clustered_error([x for x, _ in items], [c for _, c in items])
    random.shuffle(items)  # type: ignore[attr-defined]
    after = clustered_error([x for x, _ in items], [f"passage {9 - c}" for _, c in items])
    assert after == pytest.approx(before, abs=1e-12)


def test_tables_go_row_by_row() -> None:
    rng = np.random.default_rng(2)
    table, labels = rng.random((5, 60)), rng.integers(0, 9, 60)
    assert standard_error(table) == pytest.approx([standard_error(row) for row in table])
    assert clustered_error(table, labels) == pytest.approx([clustered_error(row, labels) for row in table])


@pytest.mark.parametrize("x", [[1.0], [], [1.0, math.nan], [1.0, math.inf]])
def test_too_few_and_missing_items_are_refused(x: list[float]) -> None:
    with pytest.raises(ValueError, match="Items must"):
        standard_error(x)


def test_impossible_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        clustered_error([1, 0, 1], ["a", "a", "a"])
    with pytest.raises(ValueError, match="one cluster label an item"):
        clustered_error([1, 0, 1], ["a", "b"])


def test_a_hand_worked_sampled_run() -> None:
    # Item means 1, 1/2, 0: stderr 1/2 / sqrt 3. Variances within 0, 1/2, 0: mean 1/6, over k n = 6: 1/36.
    found = repeated_error([[1, 1], [1, 0], [0, 0]])
    assert found.mean == pytest.approx(0.5)
    assert found.stderr**2 == pytest.approx(1 / 12)
    assert found.within**2 == pytest.approx(1 / 36)
    assert found.between**2 == pytest.approx(1 / 12 - 1 / 36)
    assert found.with_passes(2) == pytest.approx(found.stderr)
    assert found.with_passes(1) ** 2 == pytest.approx(1 / 12 + 1 / 36)


@given(st.integers(2, 6), st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_the_parts_of_a_sampled_run(passes: int, items: int, seed: int) -> None:
    x = np.random.default_rng(seed).random((items, passes))
    found = repeated_error(x)
    assert found.stderr == pytest.approx(standard_error(x.mean(axis=1)))
    assert found.between**2 + found.within**2 >= found.stderr**2 - 1e-12
    assert found.with_passes(passes + 1) <= found.with_passes(passes)
    # Passes that say the same again are no news.
    assert repeated_error(np.repeat(x[:, :1], 3, axis=1)).stderr == pytest.approx(standard_error(x[:, 0]))


def test_passes_are_a_table_and_clusters_count_there_too() -> None:
    x = np.random.default_rng(3).random((30, 4))
    labels = np.arange(30) // 5
    assert repeated_error(x, labels).stderr == pytest.approx(clustered_error(x.mean(axis=1), labels))
    with pytest.raises(ValueError, match="items x passes"):
        repeated_error([0.5, 1.0])
    with pytest.raises(ValueError, match="Passes must"):
        repeated_error([[1.0], [0.0]])
    with pytest.raises(ValueError, match="at least 1"):
        repeated_error(x).with_passes(0)


def test_intervals_cover_what_they_say() -> None:
    """2,000 runs each: items with a skill of their own, items in documents, and k sampled passes."""
    rng, runs = np.random.default_rng(4), 2000
    independent = (rng.random((runs, 200)) < 0.7).astype(float)
    ends = student(independent.mean(axis=1), standard_error(independent))
    assert 0.93 <= ((ends.low <= 0.7) & (ends.high >= 0.7)).mean() <= 0.97

    labels = np.repeat(np.arange(40), 5)
    skill = rng.beta(2, 2, (runs, 40))[:, labels]
    clustered = (rng.random((runs, 200)) < skill).astype(float)
    ends = student(clustered.mean(axis=1), clustered_error(clustered, labels), df=39)
    assert 0.93 <= ((ends.low <= 0.5) & (ends.high >= 0.5)).mean() <= 0.97
    naive = student(clustered.mean(axis=1), standard_error(clustered))
    assert ((naive.low <= 0.5) & (naive.high >= 0.5)).mean() < 0.90

    chance = rng.beta(1, 2, (500, 100, 1))
    passes = (rng.random((500, 100, 4)) < chance).astype(float)
    runs_of = [repeated_error(run) for run in passes]
    assert 0.92 <= np.mean([abs(run.mean - 1 / 3) <= 1.984 * run.stderr for run in runs_of]) <= 0.98
    # Within alone is the error against the same items' own chances.
    truth = chance.mean(axis=(1, 2))
    assert 0.92 <= np.mean([abs(r.mean - t) <= 1.96 * r.within for r, t in zip(runs_of, truth, strict=True)]) <= 0.98
