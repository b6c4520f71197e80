"""Groups and windows of token requests."""

from hypothesis import given
from hypothesis import strategies as st

from evaluator.engines.grouping import Group, cut, grouped, windows

TOKENS = st.lists(st.integers(0, 3), min_size=1, max_size=8).map(tuple)
PAIRS = st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=20)


@given(PAIRS)
def test_every_distinct_request_is_in_one_group(pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    groups = grouped(pairs)
    found = [(group.context, continuation) for group in groups for continuation in group.continuations]
    assert sorted(found) == sorted(set(pairs))
    assert [group.context for group in groups] == sorted({context for context, _ in pairs})


@given(PAIRS, st.integers(1, 40))
def test_windows_hold_all_groups_in_order_and_fit(
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]], capacity: int
) -> None:
    groups = grouped(pairs)
    found = windows(groups, capacity)
    assert [group for window in found for group in window] == groups
    assert all(len(window) == 1 or sum(group.tokens for group in window) <= capacity for window in found)


def test_what_is_too_long_loses_its_beginning() -> None:
    assert cut([1, 2, 3], [4, 5], 10) == ((1, 2, 3), (4, 5))
    assert cut([1, 2, 3], [4, 5], 4) == ((2, 3), (4, 5))
    assert cut([1, 2, 3], [4, 5], 3) == ((3,), (4, 5))
    assert cut([1], [2, 3, 4, 5], 3) == ((3,), (4, 5))


def test_a_group_knows_its_size() -> None:
    assert Group((1, 2), [(3,), (4, 5)]).tokens == 5
