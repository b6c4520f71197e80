import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.ranks import Z95, Rank, ranks

models = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), max_size=30)


def test_a_hand_worked_board() -> None:
    # Bounds: 90 +- 2, 85 +- 6, 60 +- 2 (times about 1.96 / 2): the first two overlap, the third is surely last.
    assert ranks([90, 85, 60], [1, 3, 1]) == [Rank(1, 1, 2), Rank(2, 1, 2), Rank(3, 3, 3)]


def test_equal_scores_share_a_rank() -> None:
    assert [rank.rank for rank in ranks([50, 70, 50, 10], [1, 1, 1, 1])] == [2, 1, 2, 4]


def test_nobody_and_nonsense() -> None:
    assert ranks([], []) == []
    for scores, errors in (([1.0], [1.0, 2.0]), ([float("nan")], [1.0]), ([1.0], [-1.0]), ([1.0], [float("inf")])):
        with pytest.raises(ValueError, match="must be"):
            ranks(scores, errors)


@given(models)
def test_the_formula_of_the_docstring_by_counting(rows: list[tuple[float, float]]) -> None:
    found = ranks([score for score, _ in rows], [error for _, error in rows])
    bounds = [(score - Z95 * error, score + Z95 * error) for score, error in rows]
    for (score, _), (lower, upper), place in zip(rows, bounds, found, strict=True):
        assert place.rank == 1 + sum(other > score for other, _ in rows)
        assert place.low == 1 + sum(low > upper for low, _ in bounds)
        assert place.high == len(rows) - sum(high < lower for _, high in bounds)
        assert place.low <= place.rank <= place.high
