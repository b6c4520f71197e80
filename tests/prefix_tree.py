"""The least that scoring must compute: the prefix tree of all token sequences. Pure."""

from collections.abc import Iterable

Tokens = tuple[int, ...]


def tree_size(sequences: Iterable[Tokens]) -> int:
    """The number of nodes of the prefix tree of these sequences: the tokens that must be computed by whoever computes
    no beginning twice. The root is not counted."""
    total = 0
    before: Tokens = ()
    for sequence in sorted(set(sequences)):
        total += len(sequence) - shared(before, sequence)
        before = sequence
    return total


def shared(first: Tokens, second: Tokens) -> int:
    """How many tokens two sequences begin with alike."""
    length = min(len(first), len(second))
    for place in range(length):
        if first[place] != second[place]:
            return place
    return length
