import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from leaderboard.statistics.families import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_a_hand_worked_family() -> None:
    # Sorted 0.01 x 3, 0.02 x 2, 0.03 x 1, never falling.
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.03, 0.01, 0.02, 0.9], true_at_most=2) == pytest.approx([0.06, 0.02, 0.04, 0.9])
    assert holm([]).tolist() == []


@pytest.mark.parametrize("m", [1, 2, 7, 300])
def test_it_is_statsmodels(m: int) -> None:
    p = np.random.default_rng(m).random(m).round(2) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


@given(p_values, st.integers(1, 40))
def test_adjusting_never_helps_and_keeps_the_order(p: list[float], most: int) -> None:
    adjusted = holm(p, true_at_most=most)
    assert (adjusted >= np.array(p) - 1e-15).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (adjusted <= holm(p) + 1e-15).all()


def test_what_was_not_tested_counts_in_no_family() -> None:
    assert holm([0.03, math.nan, 0.01]) == pytest.approx([0.03, math.nan, 0.02], nan_ok=True)
    for p in ([1.1], [-0.1], [[0.1]]):
        with pytest.raises(ValueError, match="p-values"):
            holm(p)


def test_a_family_of_true_hypotheses_errs_once_in_twenty() -> None:
    p = np.random.default_rng(1).random((2000, 20))
    assert np.mean([holm(row).min() <= 0.05 for row in p]) == pytest.approx(0.05, abs=0.015)
