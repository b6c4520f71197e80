"""Groups and windows of token requests."""

from hypothesis import given
from hypothesis import strategies as st

from evaluator.engines.grouping import Group, cut, grouped, partings, shared, windows

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


@given(st.sets(TOKENS, min_size=1, max_size=20).map(sorted))
def test_a_text_knows_where_each_later_one_parts_from_it(texts: list[tuple[int, ...]]) -> None:
    expected = [sorted({shared(text, later) for later in texts[place + 1 :]} - {0}) for place, text in enumerate(texts)]
    assert partings(texts) == expected


def test_what_is_shared_ends_at_the_first_difference() -> None:
    assert [shared((1, 2, 3), other) for other in [(1, 2, 4), (1, 2), (2,), (1, 2, 3, 4)]] == [2, 2, 0, 3]
