import math

import numpy as np
import pytest

from leaderboard.statistics.repeats import Noise, between, noise


def test_three_runs_by_hand() -> None:
    """s = 1, d = 2, t = 4.302653: 4.302653 x sqrt(2)."""
    found = noise([[50.0, 51.0, 52.0]])
    assert found is not None
    assert (found.deviation, found.runs, found.groups, found.freedom) == (1.0, 3, 1, 2)
    assert found.limit == pytest.approx(6.084870)


def test_groups_are_pooled_and_single_runs_tell_nothing() -> None:
    """(2 x 1 + 1 x 8) / 3 = 10 / 3, t(3) = 3.182446; how good a model is does not matter."""
    found = noise([[50.0, 51.0, 52.0], [10.0, 14.0], [99.0], []])
    assert found is not None
    assert (found.deviation, found.runs, found.groups) == (pytest.approx(math.sqrt(10 / 3)), 5, 2)
    assert found.limit == pytest.approx(3.182446 * math.sqrt(20 / 3), rel=1e-6)


@pytest.mark.parametrize("groups", [[], [[50.0]], [[50.0, 51.0]], [[50.0, 51.0], [60.0]]])
def test_too_few_runs_have_no_floor(groups: list[list[float]]) -> None:
    assert noise(groups) is None


def test_runs_that_are_equal_have_no_noise() -> None:
    found = noise([[50.0] * 3])
    assert found is not None and found.limit == 0.0


def test_between_machines_variances_add_up() -> None:
    quiet, loud = Noise(0.0, 0.0, 3, 1), Noise(2.0, 0.5, 3, 1)
    assert between(loud, loud) == pytest.approx(2.0)
    assert between(quiet, loud) == pytest.approx(math.sqrt(2.0))


def test_two_more_runs_stay_within_the_limit_with_95_per_cent() -> None:
    draws = np.random.default_rng(7)
    within = 0
    for _ in range(4_000):
        known = noise([draws.normal(60, 0.7, 4).tolist(), draws.normal(30, 0.7, 3).tolist()])
        first, second = draws.normal(45, 0.7, 2)
        assert known is not None
        within += abs(first - second) < known.limit
    assert within / 4_000 == pytest.approx(0.95, abs=0.012)
