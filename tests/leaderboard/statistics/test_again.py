import numpy as np
import pytest
from scipy import stats

from leaderboard.statistics.again import NOISY, RATES, SURE, agreement, rate_of

SAME = np.tile([1.0, 0.0, 0.0, 1.0], 250)


def flipped(*places: int) -> np.ndarray:
    found = SAME.copy()
    found[list(places)] = 1 - found[list(places)]
    return found


def test_equal_runs_agree() -> None:
    found = agreement(SAME, SAME, rate=NOISY)
    assert (found.items, found.apart, found.shift, found.problem) == (1_000, 0, 0.0, "")


def test_as_many_items_may_come_apart_as_noise_explains_and_no_more() -> None:
    allowed = agreement(SAME, SAME, rate=NOISY).allowed
    assert stats.binom.cdf(allowed, 1_000, NOISY) >= SURE > stats.binom.cdf(allowed - 1, 1_000, NOISY)
    assert agreement(flipped(*range(allowed)), SAME, rate=NOISY).problem == ""
    said = agreement(flipped(*range(allowed + 1)), SAME, rate=NOISY).problem
    assert said == f"{allowed + 1} of 1,000 items score otherwise, and noise explains {allowed}."


def test_what_comes_apart_in_one_direction_is_no_noise() -> None:
    wrong = np.flatnonzero(SAME == 0)[:14]
    found = agreement(flipped(*wrong), SAME, rate=NOISY)
    assert found.apart < found.allowed
    assert found.problem == "14 of the 14 items that score otherwise do so in one direction."
    mixed = [*wrong[:7], *np.flatnonzero(SAME == 1)[:7]]
    assert agreement(flipped(*mixed), SAME, rate=NOISY).problem == ""


def test_a_little_more_everywhere_is_no_noise() -> None:
    shares = np.linspace(0.2, 0.8, 400)
    assert agreement(shares + 0.09, shares, rate=NOISY).problem == (
        "The scores of 400 items differ by +0.0900 on average."
    )
    wobble = np.random.default_rng(7).normal(0, 0.02, 400)
    assert agreement(shares + wobble, shares, rate=NOISY).problem == ""


def test_in_float32_hardly_anything_may_differ() -> None:
    assert (rate_of("torch.float32"), rate_of("float32"), rate_of("bfloat16"), rate_of("")) == (
        RATES["float32"], RATES["float32"], NOISY, NOISY,
    )  # fmt: skip
    exact = agreement(SAME, SAME, rate=RATES["float32"]).allowed
    assert exact < 10 < agreement(SAME, SAME, rate=NOISY).allowed


def test_an_honest_run_is_hardly_ever_held_back() -> None:
    draw = np.random.default_rng(11)
    refused = 0
    for _ in range(2_000):
        flips = np.flatnonzero(draw.random(SAME.size) < NOISY)
        refused += bool(agreement(flipped(*flips), SAME, rate=NOISY).problem)
    assert refused <= 15  # three tests at 0.1 % each: 6 are expected


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [1.0, 0.0]), ([[1.0]], [[1.0]])])
def test_other_items_are_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="same items"):
        agreement(first, second, rate=NOISY)
