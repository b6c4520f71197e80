import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from leaderboard.statistics.alternatives import borda, percentile_ranks, win_rate

levels = st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9])
shapes = st.tuples(st.integers(1, 12), st.integers(1, 5))
complete = shapes.flatmap(lambda shape: arrays(float, shape, elements=levels))
holed = shapes.flatmap(lambda shape: arrays(float, shape, elements=levels | st.just(math.nan)))

TABLE = [[0.9, 0.5], [0.8, 0.7], [0.8, math.nan], [0.1, 0.6]]


def test_a_hand_worked_table() -> None:
    # Task 1: wins 3, 1.5, 1.5, 0 of 3. Task 2: wins 0, 2, -, 1 of 2.
    assert win_rate(TABLE) == pytest.approx([(1 + 0) / 2, (0.5 + 1) / 2, 0.5, (0 + 0.5) / 2])
    # Half a point for the comparison with the one that is missing, and all three of them for that one.
    assert borda(TABLE) == pytest.approx([3 + 0.5, 1.5 + 2.5, 1.5 + 1.5, 0 + 1.5])
    expected = [[87.5, 100 / 6], [50, 500 / 6], [50, math.nan], [12.5, 50]]
    assert percentile_ranks(TABLE) == pytest.approx(np.array(expected), nan_ok=True)


def test_nothing_to_compare_is_no_score() -> None:
    table = [[0.5, math.nan, math.nan], [math.nan, 0.4, math.nan], [math.nan, 0.3, math.nan], [math.nan] * 3]
    assert win_rate(table) == pytest.approx([math.nan, 1, 0, math.nan], nan_ok=True)
    assert borda(table) == pytest.approx([4.5, 3 / 2 + 2 + 3 / 2, 3 / 2 + 1 + 3 / 2, math.nan], nan_ok=True)
    assert percentile_ranks([[0.3]]) == pytest.approx(np.array([[50.0]]))


@given(holed)
def test_percentiles_are_scipys(table: np.ndarray) -> None:
    found = percentile_ranks(table)
    for column, mine in zip(table.T, found.T, strict=True):
        there = column[~np.isnan(column)]
        expected = [math.nan if math.isnan(x) else stats.percentileofscore(there, x, kind="mean") for x in column]
        assert mine == pytest.approx(expected, nan_ok=True)


@given(holed)
def test_win_rates_by_looking_at_every_pair(table: np.ndarray) -> None:
    for model, found in enumerate(win_rate(table)):
        rates = []
        for column in table.T:
            others = np.delete(column, model)
            others = others[~np.isnan(others)]
            if not math.isnan(column[model]) and len(others):
                rates.append(np.mean((others < column[model]) + 0.5 * (others == column[model])))
        assert found == pytest.approx(np.mean(rates) if rates else math.nan, nan_ok=True)


@given(holed)
def test_points_are_neither_made_nor_lost(table: np.ndarray) -> None:
    models, tasks = table.shape
    points = borda(table)
    silent = np.isnan(table).all(axis=1)
    assert (np.isnan(points) == silent).all()
    assert np.nansum(points) + silent.sum() * tasks * (models - 1) / 2 == pytest.approx(
        tasks * models * (models - 1) / 2
    )


@given(complete)
def test_on_complete_tables_borda_and_win_rate_agree_and_scale_does_not_matter(table: np.ndarray) -> None:
    models, tasks = table.shape
    if models > 1:
        assert borda(table) == pytest.approx(win_rate(table) * tasks * (models - 1))
    assert borda(np.exp(3 * table)) == pytest.approx(borda(table))


def test_a_list_and_infinite_cells_are_no_table() -> None:
    for table in ([0.1, 0.2], [[math.inf]]):
        with pytest.raises(ValueError, match="models x tasks"):
            win_rate(table)
