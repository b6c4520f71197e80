import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.histogram import quantile_of

BOUNDS = [1.0, 2.0, 4.0]


def test_nothing_has_no_quantile() -> None:
    assert quantile_of([0, 0, 0, 0], BOUNDS, 0.5) is None


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [
        ([0, 10, 0, 0], 0.5, 1.5),
        ([10, 10, 0, 0], 0.5, 1.0),
        ([10, 0, 10, 0], 0.95, 3.8),
        ([4, 0, 0, 0], 0.25, 0.25),
        ([0, 0, 0, 5], 0.5, 4.0),
        ([1, 0, 0, 0], 0.0, 0.0),
    ],
)
def test_within_bounds_they_are_spread_evenly(counts: list[int], share: float, value: float) -> None:
    assert quantile_of(counts, BOUNDS, share) == pytest.approx(value)


def test_counts_have_to_fit_their_bounds() -> None:
    with pytest.raises(ValueError, match="3 counts do not fit 3 bounds"):
        quantile_of([1, 2, 3], BOUNDS, 0.5)


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any))
def test_quantiles_rise_with_their_share(counts: list[int]) -> None:
    found = [quantile_of(counts, BOUNDS, share / 10) for share in range(11)]
    assert None not in found and found == sorted(found)
