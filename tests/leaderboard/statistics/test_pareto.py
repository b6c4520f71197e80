import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.pareto import front

POINTS = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), max_size=25)


def beaten(one: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(cost <= one[0] and score >= one[1] and (cost, score) != one for cost, score in others)


@given(POINTS)
def test_it_is_the_definition(points: list[tuple[int, int]]) -> None:
    found = front([cost for cost, _ in points], [score for _, score in points])
    assert found.tolist() == [not beaten(one, points) for one in points]


def test_nobody_and_missing_numbers() -> None:
    assert front([], []).tolist() == []
    for cost, score in (([1.0], [math.nan]), ([math.inf], [1.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="front"):
            front(cost, score)
