"""Rows of a ranking as they are shown, read from its columns: no database is asked, however many they are."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leaderboard.columnar.table import MISSING, RANKS, SCORES, WHOLE, Columns, Numbers, task_column
from leaderboard.models import SuiteTask
from leaderboard.queries.columns import NORMALISED, PERCENTILE

Places = np.ndarray[Any, np.dtype[np.intp]]
Cell = dict[str, Any]
"""{"score", "stderr", "n", "metric", "filter", "unavailable"} with fractions; imported ones may have "normalised", the
source's own number from 0 to 100, and those of a board of percentiles have "percentile"."""


@dataclass(frozen=True)
class Row:
    """A line of a board: one revision at one set of settings. `score` and `stderr` are 0-100.

    It comes from a submission, measured by this site's workers, or from an import, which nobody here verified: one of
    `submission_id` and `imported_id` is None. `batch` is the import that it came with.
    """

    model_name: str
    kind: str
    sha: str
    parameters: int | None
    flagged: bool
    submission_id: int | None
    imported_id: int | None
    batch: int | None
    settings: dict[str, Any]
    precision: str
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    unranked_reason: str
    score: float | None
    stderr: float | None
    tasks: Mapping[str, Cell]
    adapter_on: str = ""
    """The base of an adapter."""
    own: float | None = None
    """The reader's own score, 0-100, and its standard error."""
    own_stderr: float | None = None

    @property
    def key(self) -> str:
        """How /compare and the page's anchors name it."""
        return key_of(self.submission_id, self.imported_id)

    @property
    def verified(self) -> bool:
        """Measured by this site's workers."""
        return self.submission_id is not None

    @property
    def short_sha(self) -> str:
        return self.sha[:8]


def key_of(submission: int | None, imported: int | None) -> str:
    """The name of a row: "s1" of a submission, "i1" of an import."""
    return f"s{submission}" if submission else f"i{imported}"


class Grid:
    """The cells of some rows, task by task: who draws them all needs no dictionary for each.

    `percentile`: of each task a number from 0 to 1 for every row of the ranking, NaN where missing; none unless cells
    shall have it.
    """

    def __init__(
        self, data: Columns, at: Places, tasks: Iterable[SuiteTask], percentile: Sequence[Numbers] = ()
    ) -> None:
        self._data, self.at, self.tasks, self._percentile = data, at, list(tasks), percentile
        self._parts: dict[str, Numbers] = {}

    def part(self, name: str) -> Numbers:
        """ "score", "stderr" (fractions), "n", "normalised" or "percentile" (0-100) as (tasks, rows), NaN where
        missing."""
        if name not in self._parts:
            nothing = np.full(len(self.at), np.nan)
            if name == PERCENTILE:
                found = [100 * values[self.at] for values in self._percentile] or [nothing] * len(self.tasks)
            else:
                columns = [task_column(name, task.task) for task in self.tasks]
                found = [
                    self._data.number(column)[self.at] if column in self._data.names else nothing for column in columns
                ]
            self._parts[name] = np.stack(found) if found else np.empty((0, len(self.at)))
        return self._parts[name]

    def reasons(self, task: int) -> list[str]:
        """Why rows have no score for a task, given by its place; "" where nothing says."""
        column = task_column(MISSING, self.tasks[task].task)
        return words(self._data, column, self.at) if column in self._data.names else [""] * len(self.at)

    @cached_property
    def cells(self) -> list[dict[str, Cell]]:
        """The cells of each row by task; a task of which it holds nothing, not even a reason, is left out."""
        found: list[dict[str, Cell]] = [{} for _ in self.at]
        parts = [known(self.part(name)) for name in ("score", "stderr", "n")]
        for place, (task, score, stderr, n) in enumerate(zip(self.tasks, *parts, strict=True)):
            name, metric, kept = task.task, task.metric, task.filter
            for row, one, error, items, why in zip(found, score, stderr, n, self.reasons(place), strict=True):
                if one is not None or why:
                    row[name] = {
                        "score": one, "stderr": error, "n": int(items or 0), "metric": metric, "filter": kept,
                        "unavailable": why,
                    }  # fmt: skip
        for part in (NORMALISED, PERCENTILE):
            if not np.isnan(self.part(part)).all():
                for task, values in zip(self.tasks, known(self.part(part)), strict=True):
                    for row, value in zip(found, values, strict=True):
                        if value is not None and task.task in row:
                            row[task.task][part] = value
        return found


def known(numbers: Numbers) -> list[list[float | None]]:
    """Lists of lists with None for NaN."""
    holes = np.isnan(numbers)
    found: list[list[float | None]] = numbers.tolist()
    for line, place in zip(*(places.tolist() for places in np.nonzero(holes)), strict=True):
        found[line][place] = None
    return found


class Cells(Mapping[str, Cell]):
    """The cells of one row by task; those of all its neighbours are put together once somebody looks."""

    def __init__(self, grid: Grid, row: int) -> None:
        self._grid, self._row = grid, row

    def __getitem__(self, task: str) -> Cell:
        return self._grid.cells[self._row][task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._grid.cells[self._row])

    def __len__(self) -> int:
        return len(self._grid.cells[self._row])

    def __eq__(self, other: object) -> bool:
        return dict(self) == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of any mapping


def rows_of(data: Columns, places: Sequence[int] | Places, tasks: Iterable[SuiteTask]) -> list[Row]:
    """The rows at these places of the table, in this order, with the cells of these tasks."""
    return rows_in(data, Grid(data, np.asarray(places, dtype=np.intp), tasks))


def rows_in(data: Columns, grid: Grid) -> list[Row]:
    """The rows of a grid."""
    at = grid.at
    numbers = (*WHOLE, *RANKS, *SCORES, "parameters")
    plain = {name: values(data, name, at) for name in numbers}
    texts = {name: words(data, name, at) for name in ("kind", "precision", "settings", "why", "flagged", "adapter_on")}
    named = {name: data.table[name].take(at).to_pylist() for name in ("model", "sha")}
    parsed = {text: json.loads(text) if text else {} for text in set(texts["settings"])}
    return [
        Row(
            model_name=named["model"][place], kind=texts["kind"][place], sha=named["sha"][place],
            parameters=whole(plain["parameters"][place]), flagged=texts["flagged"][place] == "yes",
            submission_id=plain["submission"][place] or None, imported_id=plain["imported"][place] or None,
            batch=plain["batch"][place] or None, settings=parsed[texts["settings"][place]],
            precision=texts["precision"][place], rank=plain["rank"][place] or None,
            rank_low=plain["rank_low"][place] or None, rank_high=plain["rank_high"][place] or None,
            unranked_reason="" if plain["rank"][place] else texts["why"][place],
            score=plain["score"][place], stderr=plain["stderr"][place], tasks=Cells(grid, place),
            adapter_on=texts["adapter_on"][place],
        )
        for place in range(len(at))
    ]  # fmt: skip


def values(data: Columns, name: str, at: Places) -> list[Any]:
    """Numbers of a column, None where missing."""
    taken = data.number(name)[at]
    if taken.dtype.kind != "f":
        return list(taken.tolist())
    return [None if value != value else value for value in taken.tolist()]  # NaN alone is not itself


def words(data: Columns, name: str, at: Places) -> list[str]:
    """Texts of a column of choices, "" where missing."""
    choice = data.choice(name)
    return ["" if code < 0 else choice.values[code] for code in choice.codes[at].tolist()]


def whole(value: float | None) -> int | None:
    return None if value is None else round(value)
