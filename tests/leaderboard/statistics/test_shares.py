import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.shares import stacks, tenths


def test_hand_worked_tenths() -> None:
    # Ten models: an item that 3 solve is in the fourth tenth, [30 %, 40 %), whatever 0.3 * 10 is in floating point.
    assert tenths([0, 10, 3, 1, 9, 9, 5], 10).tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 2, 1]
    # 1 of 3 is 33 %, 2 of 3 is 67 %.
    assert tenths([1, 2], 3).tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert tenths([], 5).tolist() == [0] * 12


@pytest.mark.parametrize(("solved", "models"), [([1], 0), ([-1], 2), ([3], 2)])
def test_impossible_counts_are_refused(solved: list[int], models: int) -> None:
    with pytest.raises(ValueError, match="at least one model"):
        tenths(solved, models)


@given(st.integers(1, 300), st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_every_item_is_counted_once_and_only_the_ends_are_ends(models: int, shares: list[float]) -> None:
    solved = [round(share * models) for share in shares]
    found = tenths(solved, models)
    assert found.sum() == len(solved)
    assert (found[0], found[-1]) == (solved.count(0), solved.count(models))


def test_scores_are_stacked_at_the_nearest_step() -> None:
    assert stacks([0.0, 0.04, 0.05, 0.35, 0.4, 1.0], 10).tolist() == [2, 1, 0, 0, 2, 0, 0, 0, 0, 0, 1]
    assert stacks([-1e-6, 1 + 1e-6], 2).tolist() == [1, 0, 1]
    assert stacks([], 1).tolist() == [0, 0]
    for scores, steps in (([np.nan], 2), ([0.5], 0)):
        with pytest.raises(ValueError, match="must all be there"):
            stacks(scores, steps)
