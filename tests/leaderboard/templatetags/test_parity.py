import unicodedata
from html.parser import HTMLParser
from urllib.parse import parse_qs

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.templatetags.parity import (
    DASH,
    aria_sort,
    count,
    lookup,
    next_sort,
    percent,
    points,
    revealed,
    visible,
)

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\u2028\u2029"
any_text = st.text(st.characters() | st.sampled_from(BIDI + INVISIBLE + "\x00\x1b\r\x7f\x85⟨⟩&<>\"'"))


@given(any_text)
def test_nothing_hides_in_a_visible_text(text: str) -> None:
    shown = visible(text)
    hidden = {one for one in shown if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert hidden <= {"\n", "\t"}
    assert not set(shown) & set(BIDI)


class Told(HTMLParser):
    """Reads a revealed text back."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.read, self.code = "", False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert (tag, attrs) == ("i", [])
        self.code = True

    def handle_endtag(self, tag: str) -> None:
        self.code = False

    def handle_data(self, data: str) -> None:
        self.read += chr(int(data.removeprefix("U+"), 16)) if self.code else data


@given(any_text)
def test_a_revealed_text_can_be_read_back_exactly(text: str) -> None:
    """Also one that writes what the marks look like."""
    shown = revealed(text)
    assert Told(shown).read == text
    assert not {one for one in shown if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n", "\t"}
    assert Told(revealed(shown)).read == shown


def test_the_middle_of_a_long_text_is_left_out() -> None:
    assert revealed("<" + "x" * 100 + "\x00", 4) == "&lt;x<em>… 98 characters left out …</em>x<i>U+0000</i>"
    assert revealed("abcd", 4) == "abcd"


@given(any_text)
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    seen = "".join(one for one in text if unicodedata.category(one)[0] not in "CZ")
    assert "".join(one for one in visible(seen)) == seen
    assert [one for one in visible(text) if one in "\n\t"] == [one for one in text if one in "\n\t"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202egpj.exe", "a⟨U+202E⟩gpj.exe"),
        ("\x00\x1b[0m\r", "⟨U+0000⟩⟨U+001B⟩[0m⟨U+000D⟩"),
        ("a\ufeffb\u200bc", "a⟨U+FEFF⟩b⟨U+200B⟩c"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("línea 中文 👍\n\tx", "línea 中文 👍\n\tx"),
        (3, "3"),
    ],
)
def test_hidden_characters_are_named(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(any_text)
def test_a_visible_text_is_still_escaped(text: str) -> None:
    rendered = Template("{% load parity %}{{ text|visible }}").render(Context({"text": text}))
    assert not set(rendered) & set("<>\"'")


@given(st.floats(0, 100))
def test_suite_scores_have_two_decimals_and_are_rounded(score: float) -> None:
    assert len(points(score).split(".")[1]) == 2
    assert abs(float(points(score)) - score) <= 0.005001


@given(st.floats(0, 1))
def test_task_scores_are_percentages_with_one_decimal(fraction: float) -> None:
    assert len(percent(fraction).split(".")[1]) == 1
    assert abs(float(percent(fraction)) - 100 * fraction) <= 0.05001


def test_a_missing_number_is_a_dash_and_never_zero() -> None:
    assert points(None) == percent(None) == count(None) == DASH
    assert (points(0), percent(0), count(0)) == ("0.00", "0.0", "0")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (999, "999"),
        (1_000, "1 k"),
        (135_000_000, "135 M"),
        (999_499_999, "999 M"),
        (999_500_000, "1 B"),
        (7_240_000_000, "7.24 B"),
        (70_553_706_496, "70.6 B"),
        (1_000_000_000_000, "1 T"),
    ],
)
def test_sizes_are_short(number: int, words: str) -> None:
    assert count(number) == words


@given(st.integers(0, 999 * 10**12))
def test_sizes_are_three_digits_and_near_the_truth(number: int) -> None:
    digits, _, unit = count(number).partition(" ")
    assert "e" not in digits and sum(one.isdigit() for one in digits) <= 3
    size = {"": 1, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[unit]
    assert abs(float(digits) * size - number) <= 0.0051 * number


@given(st.sampled_from(["", "score", "-score", "rank", "-alpha"]), st.sampled_from(["score", "rank"]), st.booleans())
def test_a_second_click_turns_the_order_round(current: str, column: str, descending_first: bool) -> None:
    once = next_sort(current, column, descending_first=descending_first)
    twice = next_sort(once, column, descending_first=descending_first)
    assert {once, twice} == {column, f"-{column}"}
    if current.removeprefix("-") != column:
        assert once == (f"-{column}" if descending_first else column)


def test_the_order_of_a_column_in_words() -> None:
    assert [aria_sort(sort, "score") for sort in ("score", "-score", "rank", "-scores", "")] == [
        "ascending", "descending", "none", "none", "none",
    ]  # fmt: skip


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_changed_address_keeps_everything_else(search: str, sort: str) -> None:
    request = RequestFactory().get("/", {"search": search, "page": "3"})
    template = Template("{% load parity %}{% query sort=sort page=None as target %}{{ target|safe }}")
    rendered = template.render(Context({"request": request, "sort": sort}))
    wanted = {"search": [search]} | ({"sort": [sort]} if sort else {})
    assert parse_qs(rendered.removeprefix("?"), keep_blank_values=True, errors="surrogatepass") == wanted


def test_an_address_without_parameters_is_the_page_itself() -> None:
    request = RequestFactory().get("/", {"page": "2"})
    rendered = Template("{% load parity %}{% query page='' %}").render(Context({"request": request}))
    assert rendered == "?"


def test_a_missing_key_is_none() -> None:
    assert (lookup({"a": 1}, "a"), lookup({"a": 1}, "b")) == (1, None)
