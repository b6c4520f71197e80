"""Many comparisons at once are the single ones."""

import numpy as np
import pytest

from leaderboard.statistics.many import compare_many
from leaderboard.statistics.paired import Answers, DifferentItems
from leaderboard.statistics.verdict import Comparison, compare


def answers(scores: object) -> Answers:
    return Answers("set", np.asarray(scores, dtype=float))


def binary(seed: int, n: int, share: float) -> Answers:
    return answers(np.random.default_rng(seed).random(n) < share)


def between(seed: int, n: int) -> Answers:
    return answers(np.random.default_rng(seed).random(n))


PAIRS = [
    (binary(1, 100, 0.6), binary(2, 100, 0.5)),
    (binary(3, 12, 0.9), binary(4, 12, 0.2)),
    (between(5, 30), between(6, 30)),  # so few that `compare` takes t as well
    (between(7, 2_500), between(8, 2_500)),  # so many
    (answers([0.5] * 40), answers([0.25] * 40)),
    (answers([1.0] * 40), answers([1.0] * 40)),
]


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.2, 1.0])
def test_each_is_what_it_is_alone(margin: float) -> None:
    for (a, b), found in zip(PAIRS, compare_many(PAIRS, margin=margin), strict=True):
        alone = compare(a, b, margin=margin)
        for name in Comparison._fields:
            assert getattr(found, name) == pytest.approx(getattr(alone, name)), (name, found)


def test_where_one_alone_is_resampled_t_comes_to_about_the_same() -> None:
    a, b = between(9, 400), between(10, 400)
    [found], alone = compare_many([(a, b)], margin=0.01), compare(a, b, margin=0.01)
    assert (found.method, alone.method) == ("t", "bootstrap")
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=0.003)


def test_none_are_none() -> None:
    assert compare_many([], margin=0.01) == []


def test_what_cannot_be_paired_or_is_no_fraction_is_refused() -> None:
    with pytest.raises(DifferentItems):
        compare_many([(answers([1, 0]), Answers("other", [1.0, 0.0]))], margin=0.01)
    with pytest.raises(ValueError, match="fractions"):
        compare_many([(answers([1, 2]), answers([1, 0]))], margin=0.01)
    with pytest.raises(ValueError, match="margin"):
        compare_many(PAIRS, margin=-1)
