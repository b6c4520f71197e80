import pytest

from leaderboard.statistics.claims import Bounds, Outcome, Read, at_least, longer, not_behind


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([Bounds(-0.5, -1.9, 0.9, 1.5)], Outcome.SUPPORTED),
        ([Bounds(3.0, 1.0, 5.0, 6.0)], Outcome.SUPPORTED),  # who is ahead is not behind
        ([Bounds(-0.5, -2.0, 1.0, 1.5)], Outcome.NOT_YET),  # the interval ends on the margin
        ([Bounds(-5.0, -7.5, -2.5, -2.2)], Outcome.REFUTED),
        ([Bounds(-5.0, -7.5, -2.5, -1.8)], Outcome.NOT_YET),  # at 95 % it is behind, not for two tasks at once
        ([Bounds(0.0, -1.0, 1.0, 1.2), Bounds(-9.0, -12.0, -6.0, -5.0)], Outcome.REFUTED),
        ([Bounds(0.0, -1.0, 1.0, 1.2), Bounds(-1.0, -4.0, 2.0, 3.0)], Outcome.NOT_YET),
        ([Bounds(0.0, -1.0, 1.0, 1.2), Bounds(1.0, -1.5, 2.0, 3.0)], Outcome.SUPPORTED),
    ],
)
def test_not_behind_by_hand(found: list[Bounds], outcome: Outcome) -> None:
    assert not_behind(found, 2.0) == outcome


def test_nothing_decides_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        not_behind([], 2.0)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(60.0, 70.0, Outcome.SUPPORTED), (59.9, 70.0, Outcome.NOT_YET), (10.0, 59.9, Outcome.REFUTED),
     (10.0, 60.0, Outcome.NOT_YET)],
)  # fmt: skip
def test_a_range_is_at_least(low: float, high: float, outcome: Outcome) -> None:
    assert at_least(low, high, 60.0) == outcome


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ([Read(1000, 1000)], [Read(200, 400)], Outcome.SUPPORTED),
        ([Read(1000, 1000)], [Read(200, 200)], Outcome.NOT_YET),  # nobody tried more
        ([Read(500, 500)], [Read(200, 400)], Outcome.NOT_YET),
        ([Read(500, 1000), Read(None, 1000)], [Read(200, 400)], Outcome.REFUTED),
        ([Read(500, 1000), Read(500, 600)], [], Outcome.NOT_YET),
        ([], [Read(400, 400)], Outcome.REFUTED),
        ([], [], Outcome.NOT_YET),
    ],
)
def test_contexts_by_hand(first: list[Read], second: list[Read], outcome: Outcome) -> None:
    assert longer(first, second, least=1000, most=256) == outcome
