"""Intervals that may be looked at after every item: by hand, and by simulation of somebody who looks all the time."""

import math

import numpy as np
import pytest

from leaderboard.statistics.anytime import (
    bets,
    compare_anytime,
    decided,
    family_anytime,
    looks,
    sequence,
    wealth,
)
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.paired import Answers, DifferentItems
from leaderboard.statistics.verdict import Word

ALPHA = 0.05
PATHS, N = 2_000, 400


def drawn(kind: str, seed: int = 5) -> tuple[Floats, float]:
    """PATHS x N fractions and their true mean: differences of right-or-wrong answers, rare ones, and graded ones."""
    chance = np.random.default_rng(seed)
    if kind == "graded":
        return chance.beta(2, 5, (PATHS, N)), 2 / 7
    up, down = {"even": (0.25, 0.25), "rare": (0.02, 0.02), "worse": (0.1, 0.25)}[kind]
    d = chance.choice([1.0, -1.0, 0.0], (PATHS, N), p=[up, down, 1 - up - down])
    return (d + 1) / 2, (up - down + 1) / 2


@pytest.mark.parametrize("kind", ["even", "rare", "worse", "graded"])
def test_over_all_looks_together_it_errs_no_more_than_said(kind: str) -> None:
    """The interval of some n leaves out the true mean exactly when a bet against it has reached 2 / alpha by then."""
    x, mean = drawn(kind)
    stakes, enough = bets(x, ALPHA), math.log(2 / ALPHA)
    beaten = (wealth(x, mean, stakes, "above").max(axis=1) >= enough) | (
        wealth(x, mean, stakes, "below").max(axis=1) >= enough
    )
    slack = 3 * math.sqrt(ALPHA * (1 - ALPHA) / PATHS)
    assert beaten.mean() <= ALPHA + slack, beaten.mean()


def test_an_ordinary_interval_looked_at_after_every_item_errs_far_more_often() -> None:
    """Without this the test above would say nothing: these are the same draws."""
    x, mean = drawn("even")
    n = np.arange(1, N + 1)
    means = np.cumsum(x, axis=1) / n
    errors = np.sqrt(np.maximum(np.cumsum(x**2, axis=1) / n - means**2, 1e-9) / n)
    beaten = (np.abs(means - mean) > 1.96 * errors)[:, 19:].any(axis=1)
    assert beaten.mean() > 4 * ALPHA


def test_the_first_bets_by_hand() -> None:
    """log(2 / 0.05) = 3.6889. The first stake: sqrt(2 x 3.6889 / (1/4 x 1 x log 2)) = 6.5250; against a mean of 1/2 at
    most 3/4 of what there is may be lost: 1.5. A first item of 1 then wins log(1 + 1.5 x 1/2) = log 1.75."""
    x = np.array([1.0, 1.0])
    stakes = bets(x, ALPHA)
    assert stakes[0] == pytest.approx(6.52502, abs=1e-4)
    # After it the mean is (1/2 + 1) / 2 = 3/4 and the variance (1/4 + 1/16) / 2 = 5/32.
    assert stakes[1] == pytest.approx(math.sqrt(2 * math.log(40) / (5 / 32 * 2 * math.log(3))))
    assert wealth(x, 0.5, stakes, "above").tolist() == pytest.approx([math.log(1.75), 2 * math.log(1.75)])
    assert wealth(x, 0.5, stakes, "below").tolist() == pytest.approx([math.log(0.25), 2 * math.log(0.25)])


def test_seven_wins_in_a_row_are_enough() -> None:
    """1.75^6 = 28.7 < 2 / 0.05 = 40 <= 1.75^7 = 50.3: the seventh rules out "no difference", with p = 2 / 50.3."""
    for n, word in ((6, Word.UNDECIDED), (7, Word.BETTER)):
        found = family_anytime([(Answers("i", [1.0] * n), Answers("i", [0.0] * n))], margin=0.0)[0]
        assert found.word == word
    assert found.p_unequal == pytest.approx(2 / 1.75**7)
    assert found.comparison.low > 0


def test_it_only_gets_narrower_and_ends_around_the_truth() -> None:
    x, mean = drawn("worse")
    ends = np.array([sequence(x[0, :n]) for n in range(5, N + 1, 15)], dtype=float)
    assert (np.diff(ends[:, 0]) >= -1e-9).all() and (np.diff(ends[:, 1]) <= 1e-9).all()
    low, high = ends[-1]
    assert low <= mean <= high and high - low < 0.12


def test_interval_and_p_values_say_the_same() -> None:
    x, _ = drawn("worse", seed=9)
    for row in x[:40]:
        a, b = Answers("i", np.clip(2 * row - 1, 0, 1)), Answers("i", np.clip(1 - 2 * row, 0, 1))
        one = compare_anytime(a, b, margin=0.1)
        assert (one.p_unequal <= ALPHA) == (one.low > 0 or one.high < 0)
        assert (one.p_equivalent <= ALPHA) == (one.low > -0.1 and one.high < 0.1)


def test_the_same_answers_are_never_better() -> None:
    scores = [float(k % 3 == 0) for k in range(1_000)]
    found = family_anytime([(Answers("i", scores), Answers("i", scores))], margin=0.02)[0]
    assert (found.word, found.comparison.difference) == (Word.EQUIVALENT, 0.0)
    assert found.comparison.low == pytest.approx(-found.comparison.high)
    early = family_anytime([(Answers("i", scores[:50]), Answers("i", scores[:50]))], margin=0.02)[0]
    assert early.word == Word.UNDECIDED


def test_of_several_pairs_each_gets_its_share_of_the_error() -> None:
    pair = (Answers("i", [1.0] * 8), Answers("i", [0.0] * 8))
    alone, *_ = family_anytime([pair], margin=0.0)
    beside, *_ = family_anytime([pair] * 3, margin=0.0)
    assert beside.comparison.low < alone.comparison.low
    assert beside.comparison.alpha == pytest.approx(ALPHA / 3)
    assert (alone.word, beside.word) == (Word.BETTER, Word.UNDECIDED)  # 6 / 1.75^8 > 0.05


def test_decided_needs_a_word_and_the_bound_for_switching() -> None:
    n = 400
    worse = Answers("i", [float(k % 10 > 0) for k in range(n)])  # one in ten is lost: 10 points worse
    right = Answers("i", [1.0] * n)
    found = family_anytime([(worse, right)], margin=0.02)[0]
    assert found.word == Word.WORSE and found.comparison.high < -0.02
    assert decided(found, margin=0.02)
    assert not decided(found, margin=0.1), "whether it is worse by ten points is open"
    assert not decided(found._replace(word=Word.UNDECIDED), margin=0.02)


def test_looks_are_ever_farther_apart() -> None:
    assert looks(100) == (20, 30, 45, 68)
    assert looks(20) == ()
    assert looks(21) == (20,)
    assert len(looks(100_000)) == 21


@pytest.mark.parametrize(("values", "alpha"), [([0.5, 1.5], 0.05), ([0.5, math.nan], 0.05), ([0.5], 0.0)])
def test_what_is_no_fraction_is_refused(values: list[float], alpha: float) -> None:
    with pytest.raises(ValueError):
        sequence(np.array(values), alpha=alpha)


def test_other_items_are_refused() -> None:
    with pytest.raises(DifferentItems):
        compare_anytime(Answers("i", [1.0, 0.0]), Answers("j", [1.0, 0.0]), margin=0.1)
