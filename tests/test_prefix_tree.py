"""The yardstick of the engine's tests and benchmarks."""

from hypothesis import given
from hypothesis import strategies as st

from tests.prefix_tree import shared, tree_size

TOKENS = st.lists(st.integers(0, 3), min_size=1, max_size=8).map(tuple)


@given(st.lists(TOKENS, max_size=20))
def test_the_tree_has_a_node_for_each_distinct_beginning(sequences: list[tuple[int, ...]]) -> None:
    beginnings = {sequence[:end] for sequence in sequences for end in range(1, len(sequence) + 1)}
    assert tree_size(sequences) == len(beginnings)


def test_how_much_is_shared() -> None:
    assert [shared((1, 2, 3), other) for other in ((), (1,), (1, 2, 4), (2,), (1, 2, 3, 4))] == [0, 1, 2, 0, 3]
