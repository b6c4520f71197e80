import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.statistics.standing_out import Place, place, standing_out, usual

OTHERS = [float(value) for value in range(100)]


def at(percentile: float, low: float | None = None, high: float | None = None, others: int = 50) -> Place:
    return Place(percentile, low, high, others)


def test_by_hand() -> None:
    found = place(30.0, 2.0, OTHERS)
    assert found is not None
    assert found.percentile == 30.5  # 0 to 29 are below, 30 is equal
    assert (found.low, found.high) == (27.0, 34.0)  # 30 -+ 3.92: 0-26 are below 26.08, 0-33 below 33.92
    assert found.others == 100


def test_where_lower_is_better_the_order_turns_round() -> None:
    found = place(30.0, 2.0, OTHERS, higher_is_better=False)
    assert found is not None
    assert (found.percentile, found.low, found.high) == (69.5, 66.0, 73.0)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 0.2), st.integers(1, 30)
)  # fmt: skip
def test_it_is_scipys_and_its_interval_holds_it(others: list[float], score: float, stderr: float, tasks: int) -> None:
    found = place(score, stderr, others, tasks=tasks)
    assert found is not None
    assert found.percentile == pytest.approx(stats.percentileofscore(others, score, kind="mean"))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.percentile <= found.high


def test_more_tasks_widen_the_interval() -> None:
    one, many = place(50.0, 5.0, OTHERS), place(50.0, 5.0, OTHERS, tasks=40)
    assert one and many and one.low and many.low and many.low < one.low


@pytest.mark.parametrize(("score", "others"), [(1.0, []), (1.0, [math.nan]), (math.nan, [1.0])])
def test_nobody_else_or_no_score_is_no_place(score: float, others: list[float]) -> None:
    assert place(score, 1.0, others) is None


def test_missing_others_do_not_count_and_errors_are_refused() -> None:
    found = place(1.0, None, [0.0, math.nan, 2.0])
    assert found == Place(50.0, None, None, 2)
    with pytest.raises(ValueError, match="negative"):
        place(1.0, -1.0, [0.0])


def test_a_task_stands_out_only_beyond_its_own_interval() -> None:
    places = [at(50, 40, 60), at(90, 70, 99), at(70, 45, 90), at(52, 40, 60), at(10, 2, 20)]
    assert usual(places) == 52
    assert [(one.task, one.apart, one.sure) for one in standing_out(places)] == [(4, -42, True), (1, 38, True)]


def test_without_errors_nothing_is_sure() -> None:
    found = standing_out([at(50), at(61), at(59), at(20), at(50)])
    assert [(one.task, one.sure) for one in found] == [(3, False), (1, False)]


def test_few_tasks_or_few_others_say_nothing() -> None:
    assert standing_out([at(10, 0, 20), at(90, 80, 99)]) == []
    assert standing_out([at(10, 0, 20, others=9), at(50, 40, 60, others=9), at(90, 80, 99, others=9)]) == []
    assert usual([None, None, None]) is None


def test_noise_alone_seldom_names_a_task() -> None:
    """A model as good on every task as it is usually: over all its tasks at most one page in twenty errs."""
    rng = np.random.default_rng(11)
    others = np.linspace(0.2, 0.8, 400)
    wrong = 0
    for _ in range(300):
        scores = 0.5 + rng.normal(0, 0.02, 6)
        wrong += bool(standing_out([place(float(one), 0.02, others, tasks=6) for one in scores]))
    assert wrong / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
