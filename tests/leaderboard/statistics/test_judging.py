"""Verdicts in either order become wins only where both agree; leaning to a place is found, and is nobody's win."""

import numpy as np
import pytest

from leaderboard.statistics.judging import Outcome, Reply, Tally, by_grades, preferred, settled, sway, tally
from leaderboard.statistics.verdict import Word, family

A, B, T, U = Reply.FIRST, Reply.SECOND, Reply.TIE, Reply.UNREADABLE


@pytest.mark.parametrize(
    ("straight", "swapped", "outcome"),
    [
        (A, B, Outcome.FIRST), (B, A, Outcome.SECOND), (T, T, Outcome.TIE),
        (A, A, Outcome.TIE), (B, B, Outcome.TIE), (A, T, Outcome.TIE), (T, A, Outcome.TIE),
        (U, B, Outcome.UNREADABLE), (A, U, Outcome.UNREADABLE), (U, U, Outcome.UNREADABLE),
    ],
)  # fmt: skip
def test_a_win_is_won_in_both_orders(straight: Reply, swapped: Reply, outcome: Outcome) -> None:
    assert settled([straight], [swapped]).tolist() == [outcome]


def test_swapping_the_models_swaps_wins_and_losses() -> None:
    draws = np.random.default_rng(2).integers(0, 4, size=(2, 500))
    there, back = tally(settled(*draws)), tally(settled(draws[1], draws[0]))
    assert (there.wins, there.losses) == (back.losses, back.wins)
    assert (there.ties, there.unreadable, there.n + there.unreadable) == (back.ties, back.unreadable, 500)


def test_grades_decide_and_what_has_none_is_nobodys() -> None:
    assert by_grades([5, 2, 3, 0, 4], [4, 3, 3, 5, 0]).tolist() == [
        Outcome.FIRST, Outcome.SECOND, Outcome.TIE, Outcome.UNREADABLE, Outcome.UNREADABLE,
    ]  # fmt: skip


def test_a_judge_that_looks_at_places_decides_nothing_and_is_found_out() -> None:
    always = np.full(40, A)
    found, leaning = tally(settled(always, always)), sway(always, always)
    assert found == Tally(0, 40, 0, 0)
    assert (leaning.to_first, leaning.to_second, leaning.turned, leaning.n) == (40, 0, 40, 40)
    assert leaning.p < 1e-6
    steady = sway([A, B] * 20, [B, A] * 20)
    assert (steady.to_first, steady.to_second, steady.turned, steady.p) == (0, 0, 0, 1.0)


def test_half_a_turn_leans_too_and_unreadable_ones_lean_nowhere() -> None:
    found = sway([A, T, T, B, U], [T, A, B, B, A])
    assert (found.to_first, found.to_second, found.turned, found.n) == (2, 2, 1, 4)


def test_wins_are_tested_against_losses_on_all_items_that_could_be_read() -> None:
    one = preferred(Tally(30, 40, 10, 20), margin=0.02)
    assert one is not None
    assert (one.n, one.wins, one.losses, one.difference) == (80, 30, 10, 0.25)
    assert one.low < 0.25 < one.high and one.low > 0
    assert family([one])[0].word == Word.BETTER
    even = preferred(Tally(10, 0, 10, 0), margin=0.02)
    assert even is not None and family([even])[0].word == Word.UNDECIDED


def test_unreadable_replies_never_help_anybody() -> None:
    """The same wins with any number of unreadable items are the same test."""
    found = {preferred(Tally(6, 3, 2, lost), margin=0.02) for lost in (0, 5, 500)}
    assert len(found) == 1
    assert preferred(Tally(0, 0, 0, 99), margin=0.02) is None and preferred(Tally(1, 0, 0, 0), margin=0.02) is None


def test_equal_models_are_called_better_no_more_often_than_said() -> None:
    """Judges that prefer either of two equal models: at most 5 % of draws say that one is better."""
    dice, alarms = np.random.default_rng(3), 0
    for _ in range(600):
        draw = tally(dice.choice([Outcome.FIRST, Outcome.SECOND, Outcome.TIE], size=80, p=[0.3, 0.3, 0.4]))
        one = preferred(draw, margin=0.02)
        assert one is not None
        alarms += one.p_unequal <= 0.05
    assert alarms / 600 <= 0.065
