"""Cohen's kappa against the published example, its interval against simulation, and where it says nothing."""

import numpy as np
import pytest

from leaderboard.statistics.agreement import agreement, cohen


def ratings(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Two raters whose table this is."""
    pairs = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def test_the_example_of_fleiss_levin_and_paik() -> None:
    """Statistical Methods for Rates and Proportions, 3rd ed., table 18.1: diagnoses of 100 persons, kappa 0.676."""
    table = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
    found = agreement(*ratings(table), 3)
    assert (found.n, found.alike, found.share) == (100, 89, 0.89)
    assert found.kappa == pytest.approx(0.676, abs=5e-4)
    assert found.kappa_low is not None and found.kappa_high is not None
    assert (found.kappa_high - found.kappa_low) / (2 * 1.959964) == pytest.approx(0.088, abs=1e-3)


def test_with_two_categories_it_is_the_known_formula() -> None:
    kappa, _ = cohen([[20, 5], [10, 15]])
    assert kappa == pytest.approx((0.7 - 0.5) / (1 - 0.5))


def test_opposites_and_independence() -> None:
    assert agreement([0, 1] * 10, [1, 0] * 10, 2).kappa == pytest.approx(-1)
    found = agreement([0, 0, 1, 1] * 25, [0, 1] * 50, 2)
    assert found.kappa == pytest.approx(0)
    assert found.kappa_low is not None and found.kappa_high is not None
    assert found.kappa_low < 0 < found.kappa_high


def test_few_items_alike_prove_little() -> None:
    found = agreement([0, 1, 2, 0], [0, 1, 2, 0], 3)
    assert (found.kappa, found.kappa_high) == (pytest.approx(1), pytest.approx(1))
    assert found.kappa_low is not None and found.kappa_low < 0.3


def test_who_always_says_the_same_is_told_apart_by_nothing() -> None:
    found = agreement([2] * 30, [2] * 30, 3)
    assert (found.share, found.kappa, found.kappa_low) == (1.0, None, None)


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([0], [0, 1]), ([0, 3], [0, 1]), ([-1], [0])], ids=["none", "other", "3", "-1"]
)
def test_what_is_no_pair_of_raters_is_refused(first: list[int], second: list[int]) -> None:
    with pytest.raises(ValueError):
        agreement(first, second, 3)


def test_the_interval_holds_the_true_kappa() -> None:
    """Raters of 60 items who agree as told; 95 % intervals hold the truth in 92 to 97 of 100 draws."""
    p = np.array([[0.3, 0.05, 0.05], [0.05, 0.25, 0.02], [0.05, 0.03, 0.2]])
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    truth = (np.trace(p) - rows @ columns) / (1 - rows @ columns)
    draws = np.random.default_rng(1).multinomial(60, p.ravel(), size=1_500).reshape(-1, 3, 3)
    found = [cohen(one)[1] for one in draws]
    held = np.mean([one is not None and one.low <= truth <= one.high for one in found])
    assert 0.92 <= held <= 0.97
