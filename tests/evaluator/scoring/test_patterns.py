import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.scoring.patterns import LONGEST, BadPattern, check, extracted, found


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        (r"answer: (\d+)", "First\nanswer: 42, then answer: 7", "42"),
        (r"(?i)ANSWER: (\w+)", "the answer: Yes!", "Yes"),
        (r"\d{2}:\d{2}", "at 10:15 or 11:20", "10:15"),
        (r"^(\w+)", "one two", "one"),
        (r"(?:a|b)(c|d)", "xad", "d"),
        (r"a|b", "xxb", "b"),
        (r"(.*)", "a\nb", "a\nb"),
        (r"nothing", "text", None),
    ],
)
def test_the_first_group_of_the_first_match_is_taken(pattern: str, text: str, answer: str | None) -> None:
    assert extracted(pattern, text) == answer
    assert found(pattern, text) == (answer is not None)


@pytest.mark.parametrize(
    "pattern", ["(", "[", r"(a)\1", "(?=x)", "(?<!x)y", "(a{1000}){1000}", "a)(b", "*", "x" * (LONGEST + 1), "\x00"]
)
def test_what_re2_does_not_take_is_told(pattern: str) -> None:
    with pytest.raises(BadPattern):
        check(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(x+x+)+y", "(a|aa)+$", "(.*)*b", "(a*)*" * 20, "(?:a?){50}a{50}"])
def test_no_pattern_keeps_anybody_busy(pattern: str) -> None:
    begun = time.thread_time()
    found(pattern, "a" * 100_000 + "!")
    assert time.thread_time() - begun < 1


def test_lone_surrogates_are_texts_too() -> None:
    assert found("a", "a\ud800")
    assert extracted("(.)b", "\ud800b") is not None


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_pattern_is_taken_or_told(pattern: str, text: str) -> None:
    try:
        check(pattern)
    except BadPattern:
        return
    assert (extracted(pattern, text) is not None) == found(pattern, text)
