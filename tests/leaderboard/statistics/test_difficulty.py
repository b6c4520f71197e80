import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from leaderboard.statistics.difficulty import difficulty, discrimination, extremes, saturation

tables = st.tuples(st.integers(2, 12), st.integers(2, 8)).flatmap(
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 1.0]))
)

ANSWERS = [[1, 0, 1, 1], [1, 0, math.nan, 0], [1, 0, 0, 1]]


def test_a_hand_worked_task() -> None:
    assert difficulty(ANSWERS) == pytest.approx([1, 0, 0.5, 2 / 3])
    found = extremes(ANSWERS)
    assert (found.nobody.tolist(), found.everybody.tolist()) == ([1], [0])
    assert math.isnan(difficulty([[math.nan], [math.nan]])[0])
    # Half a point everywhere is neither.
    assert [part.size for part in extremes([[0.5], [0.5]])] == [0, 0]


@given(tables)
def test_discrimination_is_scipys_point_biserial_with_the_rest(answers: np.ndarray) -> None:
    for item, found in enumerate(discrimination(answers)):
        own, rest = answers[:, item], np.delete(answers, item, axis=1).mean(axis=1)
        if np.ptp(own) == 0 or np.ptp(rest) < 1e-9:
            assert math.isnan(found)
        else:
            assert found == pytest.approx(stats.pointbiserialr(own, rest).statistic, abs=1e-7)


def test_a_wrong_key_stands_out() -> None:
    rng = np.random.default_rng(1)
    skill, hard = rng.normal(0, 1, (200, 1)), rng.normal(0, 1, 50)
    answers = (rng.random((200, 50)) < 1 / (1 + np.exp(hard - skill))).astype(float)
    answers[:, 7] = 1 - answers[:, 7]
    answers[:, 8] = rng.random(200) < 0.5
    found = discrimination(answers)
    assert found.argmin() == 7 and found[7] < 0
    assert found[8] < np.median(found) / 2


@pytest.mark.parametrize("answers", [[[1, 0]], [[1], [0]], ANSWERS, [[2.0, 1], [0, 1]], [1, 0]])
def test_what_cannot_be_correlated_is_refused(answers: object) -> None:
    with pytest.raises(ValueError):
        discrimination(answers)


def test_saturation_is_the_share_at_the_ceiling() -> None:
    scores, errors = [0.99, 0.97, 0.9, 0.5, math.nan], [0.01, 0.01, 0.01, 0.01, 0.01]
    assert saturation(scores, errors, top=2) == 0.5
    assert saturation(scores, errors, ceiling=0.98, top=2) == 1
    assert saturation(scores, errors) == 0.25
    assert saturation([1.0, 1.0], [0.0, 0.0]) == 1
    assert math.isnan(saturation([], []))
    with pytest.raises(ValueError, match="top model"):
        saturation(scores, errors, top=0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3)), min_size=1, max_size=30), st.integers(1, 30))
def test_a_lower_ceiling_is_no_harder_to_reach(rows: list[tuple[float, float]], top: int) -> None:
    scores, errors = np.array(rows).T
    assert 0 <= saturation(scores, errors, top=top) <= saturation(scores, errors, ceiling=0.9, top=top) <= 1
