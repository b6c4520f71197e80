"""Two texts word by word, by hand; and what must never happen with any two of them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.word_diff import MOST_CHARACTERS, MOST_WORDS, differing, words


def marked(first: str, second: str) -> list[str]:
    """Both texts with what is their own in [ ]."""
    return ["".join(f"[{text}]" if own else text for text, own in side) for side in differing(first, second)]


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("The card was charged twice.", "The card was charged once.",
         ["The card was charged [twice].", "The card was charged [once]."]),
        ("It is 4", "So it is 4 then", ["[It ]is 4", "[So it ]is 4 [then]"]),
        ("a b c d", "a c d", ["a [b ]c d", "a c d"]),
        ("one\n\ntwo", "one two", ["one\n\ntwo", "one two"]),  # space alone is no difference
        ("今日は晴れ", "今日は雨", ["今日は[晴れ]", "今日は[雨]"]),
    ],
)  # fmt: skip
def test_what_the_other_does_not_have(first: str, second: str, shown: list[str]) -> None:
    assert marked(first, second) == shown


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("the same", "the same"),
        ("nothing in common here", "a wholly other text"),
        ("word " * (MOST_WORDS + 1), "word"),
        ("x" * (MOST_CHARACTERS + 1), "x"),
        ("", "something"),
    ],
)
def test_where_marks_would_say_nothing_there_are_none(first: str, second: str) -> None:
    assert differing(first, second) == ([], [])


@given(st.text(max_size=300), st.text(max_size=300))
def test_pieces_make_up_the_texts_again(first: str, second: str) -> None:
    assert "".join(words(first)) == first
    a, b = differing(first, second)
    assert bool(a) == bool(b)
    if a:
        assert ("".join(one.text for one in a), "".join(one.text for one in b)) == (first, second)


def test_the_worst_texts_take_no_time() -> None:
    """The same few words over and over are what a comparison is slowest with."""
    began = time.process_time()
    for n in range(2, 12):
        differing("a b " * (MOST_WORDS // 2), " ".join("ab"[k % n == 0] for k in range(MOST_WORDS)))
    assert time.process_time() - began < 5
