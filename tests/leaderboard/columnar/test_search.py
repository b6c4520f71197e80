from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.columnar.search import BadSearch, Range, Value, Word, parse

TASKS = {"gsm8k": 0.01}
INFINITY = float("inf")


def day(text: str) -> float:
    return float(date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal())


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  qwen  LLAMA ", (Word("qwen"), Word("llama"))),
        ("-merge", (Word("merge", negated=True),)),
        ('"two words"', (Word("two words"),)),
        ("license:apache", (Value("licence", "apache"),)),
        ('-org:"Meta Llama"', (Value("organisation", "meta llama", negated=True),)),
        ("flagged:no", (Value("flagged", "no"),)),
        ("size:<10", (Range("parameters", -INFINITY, 10e9, "[)"),)),
        ("size:>=7", (Range("parameters", 7e9, INFINITY, "[]"),)),
        ("size:>7", (Range("parameters", 7e9, INFINITY, "(]"),)),
        ("size:<=7.5", (Range("parameters", -INFINITY, 7.5e9, "[]"),)),
        ("size:7..70", (Range("parameters", 7e9, 70e9, "[]"),)),
        ("context:32", (Range("context_length", 32e3, 32e3, "[]"),)),
        ("gsm8k:>50", (Range("score:gsm8k", 0.5, INFINITY, "(]"),)),
        ("released:2025", (Range("released_on", day("2025-01-01"), day("2026-01-01"), "[)"),)),
        ("released:2025-12", (Range("released_on", day("2025-12-01"), day("2026-01-01"), "[)"),)),
        ("released:>2025-01", (Range("released_on", day("2025-02-01"), INFINITY, "[]"),)),
        ("released:<2025-01-31", (Range("released_on", -INFINITY, day("2025-01-31"), "[)"),)),
        ("released:2024-11..2025-01", (Range("released_on", day("2024-11-01"), day("2025-02-01"), "[)"),)),
        ("https://hf.co/org/model", (Word("https://hf.co/org/model"),)),
        ("size:<10 qwen -merge", (Range("parameters", -INFINITY, 10e9, "[)"), Word("qwen"), Word("merge", True))),
    ],
)
def test_what_a_search_means(text: str, terms: tuple[object, ...]) -> None:
    assert parse(text, TASKS) == terms


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "There is no field 'colour'"),
        ("__class__:x", "There is no field"),
        ("colour:red", f"; tasks: {', '.join(TASKS)}."),
        ("size:big", "size is a number: write size:<10"),
        ("size:<", "size is a number"),
        ("size:1e400", "size is a number"),
        ("released:12.5", "released is a date"),
        ("released:2025-13", "released is a date"),
        ("released:0000", "released is a date"),
        ("released:9999", "released is a date"),
        ("a\x00b", "NUL"),
        ("x" * 501, "at most 500"),
        ("x " * 21, "at most 20 terms"),
    ],
)
def test_what_makes_no_sense_is_said(text: str, says: str) -> None:
    with pytest.raises(BadSearch, match=says):
        parse(text, TASKS)


@given(st.text(max_size=60))
def test_any_text_is_a_search_or_refused_in_words(text: str) -> None:
    try:
        terms = parse(text, TASKS)
    except BadSearch as error:
        said = str(error)
    else:
        said = f"{len(terms)} terms"
    assert said


def test_of_many_tasks_only_some_are_named() -> None:
    with pytest.raises(BadSearch, match=r"; tasks: t0, .*, t11 and 28 more\.$"):
        parse("colour:red", {f"t{number}": 1.0 for number in range(40)})
    with pytest.raises(BadSearch, match=r"evaluated\.$"):
        parse("colour:red", {})
