"""What is written straight as HTML: nothing of a model or a suite may become markup."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.columnar.select import FacetValue
from leaderboard.columnar.table import Numbers
from leaderboard.models import SuiteTask
from leaderboard.queries.board import Facet
from leaderboard.queries.columns import Column, Columns, Scale
from leaderboard.queries.rows import Grid, Row
from leaderboard.templatetags.board import Late, Rows, heading, named
from leaderboard.templatetags.parity import hidden
from leaderboard.templatetags.picking import column_box, facet_values, weight_field
from tests.leaderboard.pages.html import tree

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='a'>&\u202e\u2066\x00"
TASK = SuiteTask(task="alpha", title=HOSTILE, metric="acc", filter="none")
ROW = Row(
    model_name=HOSTILE, kind="open", sha=HOSTILE, parameters=7, flagged=True, submission_id=None, imported_id=3,
    batch=1, settings={"dtype": HOSTILE, "apply_chat_template": True, "engine": HOSTILE}, precision=HOSTILE, rank=None,
    rank_low=None, rank_high=None, unranked_reason=HOSTILE, score=None, stderr=None,
    tasks={"alpha": {"score": None, "unavailable": HOSTILE}}, adapter_on=HOSTILE,
)  # fmt: skip


class Cells(Grid):
    """Of rows without any score for the one task."""

    def __init__(self, rows: int) -> None:
        self._rows, self.at = rows, np.arange(rows)

    def part(self, name: str) -> Numbers:
        return np.full((1, self._rows), np.nan)

    def reasons(self, task: int) -> list[str]:
        return [HOSTILE] * self._rows


class Page:
    """As much of a board as rows need."""

    columns = Columns(Scale(), 80.0, True, [Column(TASK, 0.1, 0.9, 0.5)])
    scores = ""
    weights = {"alpha": 2.0}
    rows: list[Row] = []
    kept: dict[Any, Any] = {}


def rows() -> list[Row]:
    scored = dataclasses.replace(ROW, submission_id=7, imported_id=None, rank=1, rank_low=1, rank_high=3, score=80.0)
    return [ROW, dataclasses.replace(ROW, imported_id=None, submission_id=5), dataclasses.replace(scored, stderr=1.0)]


@pytest.mark.parametrize("row", rows(), ids=["imported", "measured", "ranked"])
def test_nothing_hostile_becomes_markup(row: Row) -> None:
    Page.kept.clear()
    html = Rows(Page(), QueryDict(), {row.key}).drawn([row], Cells(1))  # type: ignore[arg-type]
    assert "<script" not in html and "<img" not in html
    assert not any(hidden(character) for character in html)
    for element in tree(html).all():
        assert element.tag in {
            "tr", "td", "th", "svg", "title", "circle", "rect", "line", "path", "a", "span", "b", "small", "div",
            "details", "summary", "p", "code", "dl", "dt", "dd", "table", "thead", "tbody",
        }  # fmt: skip
        assert not any(name.startswith("on") for name in element.attributes)


@given(st.text())
def test_any_name_is_text(name: str) -> None:
    found = tree(named.__wrapped__(name))
    assert {element.tag for element in found.all()} <= {"a", "span"}


def test_headings_and_facets_are_text_too() -> None:
    found = tree(heading("1", HOSTILE, "alpha", "alpha", '?search=">&sort=', column=Page.columns.tasks[0]))
    assert found.one("a")["title"] == found.one("span", "label").text
    assert found.one("th")["aria-sort"] == "ascending"
    assert found.one("a")["href"] == '?search=">&sort=-alpha'
    assert found.one("a").text.strip() == found.one("span", "label").text
    values = [FacetValue(HOSTILE, 3, True), *(FacetValue(f"v{number}", 1, False) for number in range(45))]
    listed = tree(facet_values(Facet("licence", "Licence", values)))
    boxes = listed.all("input")
    assert [box["value"] for box in boxes[:2]] == [HOSTILE, "v0"] and len(boxes) == 40
    assert [box.get("checked") for box in boxes[:2]] == ["", None]
    assert listed.one("li", "dim").text == "and 6 more: search with licence:…"
    assert not listed.all("script") and not listed.all("img")


def test_choices_of_columns_and_weights_are_text_too() -> None:
    task = SuiteTask(task='a"><b', title=HOSTILE, position=3)
    for html, name in ((column_box(task, checked=True), "col"), (weight_field(task, 2.5), 'w.a"><b')):
        found = tree(html)
        assert found.one("input")["name"] == name
        assert {element.tag for element in found.all()} <= {"li", "label", "input", "span"}
        assert not any(hidden(character) for character in html)
    assert tree(column_box(task, checked=True)).one("input")["value"] == task.task
    assert tree(weight_field(task, 2.5)).one("input")["value"] == "2.5"
    assert tree(weight_field(task, None)).one("input")["value"] == ""


def test_rows_that_were_drawn_lately_are_drawn_the_same_again() -> None:
    """Pins, details and the reader's own score are not of a row alone; all else is kept by row and columns."""
    Page.kept.clear()
    first = Rows(Page(), QueryDict("pin=i3")).drawn([ROW], Cells(1))  # type: ignore[arg-type]
    renamed = dataclasses.replace(ROW, model_name="org/other", own=12.5)
    again = Rows(Page(), QueryDict("")).drawn([renamed], Cells(1))  # type: ignore[arg-type]
    assert tree(again).one("th").text == tree(first).one("th").text
    assert "12.50" in again and "12.50" not in first
    assert "Unpin" in first and "Unpin" not in again

    class Other(Page):
        scores = "percentile"

    assert "org/" in Rows(Other(), QueryDict("")).drawn([renamed], Cells(1))  # type: ignore[arg-type]


def test_what_comes_late_stands_where_it_belongs() -> None:
    late = Late()
    page = f"<table>{late.put('<tr>–</tr>')}</table>".encode()
    assert b"<tr>" not in page and late.into(page) == "<table><tr>–</tr></table>".encode()
    assert Late().into(b"no rows") == b"no rows"
    assert Late().put("") != Late().put("")


def test_sizes_are_listed_from_small_to_large() -> None:
    values = [FacetValue(value, count, False) for value, count in (("4-10 B", 9), ("unknown", 5), ("under 1 B", 2))]
    listed = tree(facet_values(Facet("size_class", "Size", values))).all("input")
    assert [one["value"] for one in listed] == ["under 1 B", "4-10 B", "unknown"]
    listed = tree(facet_values(Facet("licence", "Licence", values))).all("input")
    assert [one["value"] for one in listed] == ["4-10 B", "unknown", "under 1 B"]
