import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.aggregate import TaskScore, normalise, suite_score

fractions = st.floats(0, 1)
tasks = st.builds(TaskScore, score=fractions, stderr=st.floats(0, 0.5), baseline=st.floats(0, 0.9))


def test_a_hand_worked_mean() -> None:
    total = suite_score([TaskScore(0.5, 0.03), TaskScore(0.9, 0.04)], normalised=False)
    assert total.score == pytest.approx(70.0)
    assert total.stderr == pytest.approx(100 * 0.05 / 2)


def test_a_hand_worked_normalisation() -> None:
    assert normalise(TaskScore(0.625, 0.03, baseline=0.25)) == pytest.approx(TaskScore(0.5, 0.04, 0.0))
    assert normalise(TaskScore(0.1, 0.03, baseline=0.25)).score == 0


def test_a_mean_of_nothing_and_an_impossible_baseline_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        suite_score([], normalised=False)
    with pytest.raises(ValueError, match="baseline"):
        normalise(TaskScore(0.5, 0.1, baseline=1.0))


@given(st.lists(tasks, min_size=1, max_size=20), st.booleans())
def test_scores_stay_on_the_scale_and_order_does_not_matter(scores: list[TaskScore], normalised: bool) -> None:
    total = suite_score(scores, normalised=normalised)
    assert -1e-9 <= total.score <= 100 + 1e-9
    assert total.stderr >= 0
    again = suite_score(scores[::-1], normalised=normalised)
    assert math.isclose(total.score, again.score, abs_tol=1e-9)
    assert math.isclose(total.stderr, again.stderr, abs_tol=1e-9)
