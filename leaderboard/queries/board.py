"""The ranking of a suite as it is shown: one page of the newest snapshot, searched and sorted."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from leaderboard.columnar.facts import FACETS
from leaderboard.columnar.select import FacetValue, Found
from leaderboard.columnar.table import Columns, Rows
from leaderboard.models import Import, Imported, Snapshot, Submission, Suite, SuiteTask
from leaderboard.queries.columns import PERCENTILE, columns, task_values
from leaderboard.queries.columns import Columns as Drawn
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.lately import lately
from leaderboard.queries.rows import Grid, Row, rows_in, rows_of
from leaderboard.queries.selection import Asked, Selection, selection
from leaderboard.queries.snapshots import State, columns_of, newest

PAGE_SIZE = 50
MOST_PINS = 8
"""As many as /compare takes."""
PIN = re.compile(r"[si][1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Facet:
    """One fact to filter by, with the values that occur and how many rows have each."""

    name: str
    title: str
    values: list[FacetValue]

    @cached_property
    def chosen(self) -> list[str]:
        return [value.value for value in self.values if value.chosen]


@dataclass(frozen=True)
class Board:
    """One page of a ranking. `snapshot` is None while nothing was ranked; `facets` are those with anything to choose.

    `grid` holds the cells of `rows`, `pinned_grid` those of `pinned`. `scores`: which of a task's numbers are shown,
    "normalised", "raw" or "percentile"; "" where there is but one. `columns` has the tasks that are shown; `picked`:
    those that were asked for. `weights`: of the reader's own score.
    `source` is the newest import of a suite that was measured elsewhere, `state` what the page is made of. `kept`
    is for what is drawn of the ranking the same on every page.
    """

    suite: Suite
    tasks: list[SuiteTask]
    columns: Drawn
    snapshot: Snapshot | None
    rows: list[Row]
    pinned: list[Row]
    grid: Grid
    pinned_grid: Grid
    count: int
    page: int
    page_size: int
    pages: int
    sort: str
    search: str
    facets: list[Facet]
    scores: str
    picked: list[str]
    weights: dict[str, float]
    source: Import | None
    state: State | None
    kept: dict[Any, Any]

    @cached_property
    def filtered(self) -> bool:
        """Whether anything leaves rows out."""
        return bool(self.search.strip()) or any(facet.chosen for facet in self.facets)

    @property
    def first(self) -> int:
        """The number of the first row shown, counting from 1."""
        return (self.page - 1) * self.page_size + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def board(asked: Asked, *, pins: Sequence[str] = (), page: int = 1, page_size: int = PAGE_SIZE) -> Board:
    """Page `page` of a ranking, and the rows that are pinned above it ("s1" a submission, "i1" an import).

    Missing values come last in any order. Raises what `selection` raises, Missing (page) and BadQuery (pin).
    """
    chosen = selection(asked)
    count = len(chosen.found.rows)
    pages = max(1, -(-count // page_size))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    start = (page - 1) * page_size
    grid = grid_of(chosen, chosen.found.rows[start : start + page_size])
    pinned = grid_of(chosen, pinned_places(chosen.data, pins))
    drawn = columns(chosen.data, chosen.tasks, chosen.view)
    names = {task.task for task in chosen.shown}
    imported = chosen.state.imported if chosen.state else None
    source = newest_import(chosen.suite.pk, imported) if chosen.suite.imported else None
    return Board(
        suite=chosen.suite, tasks=chosen.tasks,
        columns=replace(drawn, tasks=[one for one in drawn.tasks if one.task.task in names]),
        snapshot=chosen.ranking, rows=shown_rows(chosen, grid), pinned=shown_rows(chosen, pinned), grid=grid,
        pinned_grid=pinned, count=count,
        page=page, page_size=page_size, pages=pages, sort=chosen.sort, search=asked.search,
        facets=facets_of(chosen.found), scores=chosen.view, picked=[name for name in asked.columns if name],
        weights=chosen.own.weights if chosen.own else {}, source=source, state=chosen.state, kept=chosen.data.kept,
    )  # fmt: skip


def grid_of(chosen: Selection, places: Sequence[int] | Rows) -> Grid:
    """The cells of rows, with what the view adds to them."""
    percentile = [task_values(chosen.data, task, PERCENTILE) for task in chosen.shown if chosen.view == PERCENTILE]
    return Grid(chosen.data, np.asarray(places, dtype=np.intp), chosen.shown, percentile)


def shown_rows(chosen: Selection, grid: Grid) -> list[Row]:
    """Rows with what the reader's own weights add to them."""
    rows = rows_in(chosen.data, grid)
    if chosen.own is None:
        return rows
    own = zip(chosen.own.score[grid.at].tolist(), chosen.own.stderr[grid.at].tolist(), strict=True)
    return [
        replace(row, own=told(score), own_stderr=told(error)) for row, (score, error) in zip(rows, own, strict=True)
    ]


def told(value: float) -> float | None:
    return None if math.isnan(value) else value


def pinned_places(data: Columns, pins: Sequence[str]) -> list[int]:
    """Where the pinned rows are, in the order of the pins; those that the ranking does not hold are left out.

    Raises BadQuery for what names no row, and for too many.
    """
    wanted = list(dict.fromkeys(pin for pin in pins if pin))
    if len(wanted) > MOST_PINS:
        raise BadQuery("pin", f"At most {MOST_PINS} rows can be pinned, not {len(wanted)}.")
    found: list[int] = []
    for pin in wanted:
        if not PIN.fullmatch(pin):
            raise BadQuery("pin", f"A pin is s and a submission's number, or i and an import's, not {pin[:40]!r}.")
        column = data.number("submission" if pin[0] == "s" else "imported")
        found += np.flatnonzero(column == int(pin[1:])).tolist()
    return found


def sources(rows: Sequence[Row]) -> dict[int, Imported]:
    """The imports behind rows, with all that they say, by key."""
    keys = [row.imported_id for row in rows if row.imported_id]
    return Imported.objects.select_related("batch").defer("tasks", "batch__report").in_bulk(keys) if keys else {}


@lately
def newest_import(suite: int, _: int | None) -> Import | None:
    """Where the rows of a suite that was measured elsewhere come from. The second number is that of the newest of all
    imports: once there is a newer one, this is asked anew."""
    return Import.objects.filter(suite=suite).order_by("-id").defer("report").first()


def facets_of(found: Found) -> list[Facet]:
    """The facets among whose values there is a choice, or was one."""
    listed = [Facet(fact.name, fact.title, found.facets[fact.name]) for fact in FACETS]
    return [facet for facet in listed if len(facet.values) > 1 or facet.chosen]


def standing_of(submission: Submission) -> tuple[Row, int] | None:
    """The row of a submission in the newest ranking of its suite, and the page of the board (by rank) that shows it;
    None where another submission stands in its place, or it was never ranked."""
    snapshot = newest(submission.suite_id)
    if snapshot is None:
        return None
    data = columns_of(snapshot)
    found = np.flatnonzero(data.number("submission") == submission.pk)
    if not len(found):
        return None
    order = data.order("rank", descending=False)
    page = int(np.flatnonzero(order == found[0])[0]) // PAGE_SIZE + 1
    return rows_of(data, found.tolist(), [])[0], page
