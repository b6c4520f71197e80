import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.normalise import normalise

fractions = st.floats(0, 1)


def test_hand_worked_scores() -> None:
    assert normalise(0.625, 0.03, 0.25) == pytest.approx((50.0, 4.0))
    assert normalise(1.0, 0.0, 0.1) == pytest.approx((100.0, 0.0))
    # Under chance the score is 0, and the error is not: the true score may lie above.
    assert normalise(0.1, 0.03, 0.25) == pytest.approx((0.0, 4.0))


@given(fractions, st.floats(0, 0.5), st.floats(0, 0.9))
def test_on_the_scale_monotone_and_nothing_without_a_baseline(x: float, error: float, b: float) -> None:
    score, scaled = normalise(x, error, b)
    assert 0 <= score <= 100 + 1e-9 and scaled >= 100 * error
    assert normalise(x / 2, error, b).score <= score
    assert normalise(x, error) == pytest.approx((100 * x, 100 * error))
    if x > b:
        assert score / 100 * (1 - b) + b == pytest.approx(x)


def test_the_error_is_the_spread_of_the_normalised_score() -> None:
    measured = np.random.default_rng(6).normal(0.6, 0.02, 20_000)
    score, error = normalise(0.6, 0.02, 0.25)
    spread = normalise(measured, 0.02, 0.25).score
    assert spread.mean() == pytest.approx(score, rel=0.01)
    assert spread.std() == pytest.approx(error, rel=0.03)


def test_at_the_clip_the_interval_still_covers() -> None:
    """A model a little above chance: the interval around the clipped score holds the truth, an error of 0 would not."""
    measured = np.random.default_rng(7).normal(0.26, 0.02, 20_000)
    score, error = normalise(measured, 0.02, 0.25)
    truth = 100 * 0.01 / 0.75
    assert (np.abs(score - truth) <= 1.96 * error).mean() >= 0.95
    assert (score == 0).mean() > 0.25


def test_a_table_has_a_baseline_for_each_task_and_keeps_its_gaps() -> None:
    table = np.array([[0.5, math.nan], [0.2, 1.0]])
    score, error = normalise(table, np.full((2, 2), 0.1), [0.25, 0.5])
    assert score == pytest.approx(np.array([[100 / 3, math.nan], [0.0, 100.0]]), nan_ok=True)
    assert error == pytest.approx(np.array([[40 / 3, 20], [40 / 3, 20]]))


@pytest.mark.parametrize("baseline", [1.0, -0.1, math.nan, [0.2, 1.5]])
def test_an_impossible_baseline_is_refused(baseline: float) -> None:
    with pytest.raises(ValueError, match="baseline"):
        normalise(0.5, 0.1, baseline)
