import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.statistics.ranks import Z95, Rank, neighbours, ranks, tighten

models = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), max_size=30)
gaps = st.lists(st.tuples(st.none() | st.floats(0, 100), st.none() | st.floats(0, 20)), max_size=30)


def test_a_hand_worked_board() -> None:
    # Bounds: 90 +- 2, 85 +- 6, 60 +- 2 (times about 1.96 / 2): the first two overlap, the third is surely last.
    assert ranks([90, 85, 60], [1, 3, 1]) == [Rank(1, 1, 2), Rank(2, 1, 2), Rank(3, 3, 3)]


def test_equal_scores_share_a_rank() -> None:
    assert [place.rank for place in ranks([50, 70, 50, 10], [1, 1, 1, 1]) if place] == [2, 1, 2, 4]


def test_nobody_and_nonsense() -> None:
    assert ranks([], []) == []
    assert tighten([], [], []) == [] and neighbours([], []).tolist() == []
    for scores, errors in (([1.0], [1.0, 2.0]), ([math.inf], [1.0]), ([1.0], [-1.0]), ([1.0], [math.inf])):
        with pytest.raises(ValueError, match="must be"):
            ranks(scores, errors)


def test_a_missing_score_has_no_rank_and_a_missing_error_no_interval() -> None:
    found = ranks([90, None, 80, math.nan, 10], [1, 1, None, None, 1])
    assert found == [Rank(1, 1, 2), None, Rank(2, None, None), None, Rank(3, 2, 3)]


@given(models)
def test_the_formula_of_the_docstring_by_counting(rows: list[tuple[float, float]]) -> None:
    found = ranks([score for score, _ in rows], [error for _, error in rows])
    bounds = [(score - Z95 * error, score + Z95 * error) for score, error in rows]
    for (score, _), (lower, upper), place in zip(rows, bounds, found, strict=True):
        assert place is not None and place.low is not None and place.high is not None
        assert place.rank == 1 + sum(other > score for other, _ in rows)
        assert place.low == 1 + sum(low > upper for low, _ in bounds)
        assert place.high == len(rows) - sum(high < lower for _, high in bounds)
        assert place.low <= place.rank <= place.high


@given(gaps)
def test_gaps_change_nothing_for_the_others(rows: list[tuple[float | None, float | None]]) -> None:
    found = ranks([score for score, _ in rows], [error for _, error in rows])
    there = [row for row in rows if row[0] is not None]
    assert [place for place in found if place] == ranks([s for s, _ in there], [e for _, e in there])
    plain = stats.rankdata([-score for score, _ in there if score is not None], method="min")
    assert [place.rank for place in found if place] == plain.tolist()
    for (score, error), place in zip(rows, found, strict=True):
        assert (place is None) == (score is None)
        if place is not None:
            assert (place.low is None) == (place.high is None) == (error is None)


def test_decided_pairs_narrow_a_board() -> None:
    # Four that overlap; the first beats the second, the second the third: chains count.
    scores, errors = [90.0, 89.0, 88.0, 87.0], [5.0] * 4
    assert ranks(scores, errors) == [Rank(place, 1, 4) for place in (1, 2, 3, 4)]
    found = tighten(scores, errors, [(0, 1), (1, 2), (0, 1)])
    assert found == [Rank(1, 1, 2), Rank(2, 2, 3), Rank(3, 3, 4), Rank(4, 1, 4)]
    # What the bounds say already is not counted twice.
    assert tighten([90, 10, 50], [1, 1, 30], [(0, 1)]) == ranks([90, 10, 50], [1, 1, 30])


@given(models, st.integers(0, 2**32 - 1))
def test_tightening_never_widens_and_keeps_a_true_ranking(rows: list[tuple[float, float]], seed: int) -> None:
    """The truth: distinct numbers within every model's bounds. Any pairs that agree with it and with the scores."""
    rng = np.random.default_rng(seed)
    scores, errors = np.array(rows).reshape(-1, 2).T
    truth = scores + Z95 * errors * rng.uniform(-1, 1, len(scores)) + 1e-7 * rng.random(len(scores))
    pairs = rng.integers(0, max(1, len(rows)), (2 * len(rows), 2))
    decided = [(a, b) for a, b in pairs.tolist() if scores[a] > scores[b] and truth[a] > truth[b]]
    wide, narrow = ranks(scores, errors), tighten(scores, errors, decided)
    for index, (before, after) in enumerate(zip(wide, narrow, strict=True)):
        assert before and after and before.low and before.high and after.low and after.high
        assert before.low <= after.low <= after.rank <= after.high <= before.high
        place = 1 + int((truth > truth[index]).sum())
        # A truth a hair outside its bounds may be a rank off; errors of 0 make ties of it.
        if (truth <= scores + Z95 * errors).all():
            assert after.low <= place <= after.high
    for winner, loser in decided:
        assert narrow[winner].low < narrow[loser].low and narrow[winner].high < narrow[loser].high


def test_pairs_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="higher score"):
        tighten([1.0, 2.0], [1.0, 1.0], [(0, 1)])
    with pytest.raises(ValueError, match="higher score"):
        tighten([1.0, None], [1.0, 1.0], [(0, 1)])
    for pair in ((0, 2), (-1, 0)):
        with pytest.raises(ValueError, match="indices"):
            tighten([2.0, 1.0], [1.0, 1.0], [pair])


def test_neighbours_are_the_pairs_that_a_test_could_decide() -> None:
    scores, errors = [70, 90, None, 89, 89, 10, 71], [1, 1, 1, 1, 1, 1, None]
    assert neighbours(scores, errors).tolist() == [[1, 3]]
    assert neighbours(scores, errors, reach=2).tolist() == [[1, 3], [1, 4]]
    assert neighbours(scores, errors, reach=50).tolist() == [[1, 3], [1, 4]]


@given(gaps, st.integers(1, 4))
def test_neighbours_by_looking_at_every_pair(rows: list[tuple[float | None, float | None]], reach: int) -> None:
    pairs = neighbours([score for score, _ in rows], [error for _, error in rows], reach=reach)
    found = list(map(tuple, pairs.tolist()))
    assert len(found) == len(set(found))
    for a, b in found:
        (x, e), (y, f) = rows[a], rows[b]
        assert x > y and x - Z95 * e <= y + Z95 * f
        between = sum(s is not None and t is not None and y < s < x for s, t in rows)
        assert between < reach


def test_rank_intervals_cover_the_true_rank() -> None:
    rng = np.random.default_rng(9)
    truth = np.sort(rng.normal(50, 5, 40))[::-1]
    inside = []
    for _ in range(100):
        found = ranks(truth + rng.normal(0, 1.5, 40), np.full(40, 1.5))
        inside += [place.low <= at + 1 <= place.high for at, place in enumerate(found)]
    assert np.mean(inside) >= 0.95


def test_a_hundred_thousand_models() -> None:
    rng = np.random.default_rng(10)
    scores, errors = rng.normal(50, 10, 100_000), rng.uniform(0.1, 2, 100_000)
    start = time.process_time()
    found = ranks(scores, errors)
    pairs = neighbours(scores, errors)
    narrow = tighten(scores, errors, pairs.tolist())
    # About a second of one core; comparing all pairs would take minutes.
    assert time.process_time() - start < 20
    assert len(found) == len(narrow) == 100_000 and len(pairs) > 90_000
