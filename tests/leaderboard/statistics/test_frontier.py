from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.frontier import DAYS_A_MONTH, Against, frontier, lag

NAN = float("nan")


def test_a_record_is_what_beats_everything_before_it() -> None:
    #       3rd   1st   2nd   4th: as good as the record, no step    5th
    days = [30.0, 10.0, 20.0, 40.0, 50.0]
    scores = [60.0, 40.0, 35.0, 60.0, 61.0]
    assert frontier(days, scores).tolist() == [1, 0, 4]


def test_of_one_day_only_the_best_is_a_step_and_of_equals_the_first() -> None:
    assert frontier([5, 5, 5], [1, 3, 2]).tolist() == [1]
    assert frontier([5, 5], [3, 3]).tolist() == [0]
    assert frontier([5, 5, 5], [NAN, 3, 3]).tolist() == [1]


def test_rows_without_a_day_or_a_score_are_no_steps() -> None:
    assert frontier([NAN, 1.0, 2.0, 3.0], [99.0, 5.0, NAN, 6.0]).tolist() == [1, 3]
    assert frontier([NAN], [1.0]).tolist() == frontier([], []).tolist() == []


def test_a_frontier_of_lists_that_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        frontier([1.0, 2.0], [1.0])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40))
def test_a_frontier_rises_and_nothing_lies_above_it(rows: list[tuple[int, int]]) -> None:
    days, scores = [float(day) for day, _ in rows], [float(score) for _, score in rows]
    found = frontier(days, scores).tolist()
    assert all(days[a] < days[b] and scores[a] < scores[b] for a, b in pairwise(found))
    for day, score in rows:
        assert max((scores[place] for place in found if days[place] <= day), default=-1) >= score


def test_the_lag_by_hand() -> None:
    """Own best on day 400. Of the three steps the first may be as good, the second is, the third surely."""
    steps = [Against(-3.0, -7.0, 1.0), Against(0.5, -2.0, 3.0), Against(6.0, 2.0, 10.0)]
    found = lag(400.0, [100.0, 200.0, 300.0], steps)
    assert found is not None
    assert (found.months, found.low, found.high) == pytest.approx(
        (200 / 30.436875, 100 / 30.436875, 300 / 30.436875), abs=1e-12
    )
    assert pytest.approx(30.436875) == DAYS_A_MONTH


def test_where_nobody_is_surely_as_good_there_may_be_no_lag() -> None:
    found = lag(400.0, [100.0], [Against(1.0, -1.0, 3.0)])
    assert found is not None and found.low is None
    assert found.months == found.high == pytest.approx(300 / DAYS_A_MONTH)


def test_who_was_reached_later_has_a_negative_lag() -> None:
    found = lag(100.0, [50.0, 400.0], [Against(-9.0, -12.0, -6.0), Against(4.0, 1.0, 7.0)])
    assert found is not None and found.months == pytest.approx(-300 / DAYS_A_MONTH)


def test_who_leads_has_no_lag() -> None:
    assert lag(100.0, [50.0], [Against(-9.0, -12.0, 2.0)]) is None
    assert lag(100.0, [], []) is None


@pytest.mark.parametrize("days", [[1.0], [2.0, 1.0]])
def test_steps_out_of_order_are_refused(days: list[float]) -> None:
    with pytest.raises(ValueError, match="order of their days"):
        lag(3.0, days, [Against(0.0, 0.0, 0.0)] * 2)


def test_a_hundred_thousand_rows_are_quick() -> None:
    rng = np.random.default_rng(1)
    days, scores = rng.integers(0, 900, 100_000).astype(float), rng.normal(50, 10, 100_000)
    assert 1 <= len(frontier(days, scores)) < 60
