import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.scoring.texts import chosen, last_number, near, normal, place_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 42.", 42), ("= 1,234.5", 1234.5), ("-3", -3), ("−3 °C", -3), ("$5", 5), ("1e3", 1000),
        ("3.14.", 3.14), ("1,2,3", 3), ("12,345,678 people", 12_345_678), ("x = .5", 0.5), ("5%", 5), ("7 or 8", 8),
        ("none", None), ("", None), ("9" * 401, None),
    ],
)  # fmt: skip
def test_the_last_number_counts(text: str, number: float | None) -> None:
    assert last_number(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_numbers_are_read_as_they_are_written(value: float) -> None:
    assert last_number(f"It is {value!r}") == value
    assert last_number(f"It is {value:,.3f}.") == pytest.approx(round(value, 3), rel=1e-9, abs=1e-9)


@given(st.text())
def test_any_text_has_a_finite_number_or_none(text: str) -> None:
    found = last_number(text)
    assert found is None or math.isfinite(found)


def test_tolerances_are_absolute_or_relative() -> None:
    assert near(10.5, 10, absolute=0.5, relative=0)
    assert not near(10.51, 10, absolute=0.5, relative=0)
    assert near(0.1 + 0.2, 0.3, absolute=0, relative=0)  # rounding is no difference
    assert near(102, 100, absolute=0, relative=0.02)
    assert not near(-100, 100, absolute=0, relative=0.5)


def test_what_does_not_count_is_left_out() -> None:
    assert normal("  The Café,\n is  open! ", case=True, space=True, punctuation=True) == "the café is open"
    assert normal("A  b", case=False, space=False, punctuation=False) == "A  b"
    assert normal("The cat", case=True, space=True, punctuation=False, articles=True) == "cat"
    assert normal("e\u0301", case=False, space=True, punctuation=False) == "é"


CITIES = ["Paris", "Berlin", "New York"]


@pytest.mark.parametrize(
    ("output", "place"),
    [
        ("Paris", 0), ("paris.", 0), ("B", 1), ("(B)", 1), ("B) Berlin", 1), ("The answer is C.", 2),
        ("It is Berlin, of course", 1), ("Answer: (A)", 0), ("Paris or Berlin", None), ("A or B", None), ("D", None),
        ("", None), ("Rome", None), ("A cat is in Berlin", 1),
    ],
)  # fmt: skip
def test_a_choice_is_named_by_text_or_letter(output: str, place: int | None) -> None:
    assert chosen(output, CITIES) == place


@pytest.mark.parametrize(
    ("reference", "place"), [("Berlin", 1), ("b", 1), ("1", 1), ("3", None), ("Rome", None), ("D", None)]
)
def test_references_are_choices_letters_or_numbers(reference: str, place: int | None) -> None:
    assert place_of(reference, CITIES) == place
