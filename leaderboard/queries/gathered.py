"""The columns of a snapshot, gathered from its rows: all that they can be searched, filtered and sorted by."""

from datetime import date
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from django.db.models import TextField
from django.db.models.functions import Cast, Coalesce, TruncDate

from leaderboard.columnar import table
from leaderboard.columnar.facts import FACTS, size_class
from leaderboard.columnar.table import task_column
from leaderboard.models import Snapshot, SnapshotRow

EPOCH = date(1970, 1, 1).toordinal()
BATCH = 5_000
"""Rows read at a time: memory stays small, however many there are."""

PLAIN = {
    "id": "pk",
    "model": "model_name",
    "sha": "revision__sha",
    "rank": "rank",
    "rank_low": "rank_low",
    "rank_high": "rank_high",
    "score": "score",
    "stderr": "stderr",
    "verified": "verified",
    "precision": "precision",
    "architecture": "revision__architecture",
    "parameters": "revision__parameters",
    "active_parameters": "revision__active_parameters",
    "chat_template": "revision__chat_template",
    "kind": "revision__model__kind",
    "licence": "revision__model__licence",
    "licence_family": "revision__model__licence_family",
    "training": "revision__model__training",
    "modalities": "revision__model__modalities",
    "base_model": "revision__model__base_model",
    "organisation": "revision__model__organisation",
    "official": "revision__model__official",
    "mixture": "revision__model__mixture",
    "merged": "revision__model__merged",
    "flagged": "revision__model__flagged",
    "input_price": "revision__model__input_price",
    "output_price": "revision__model__output_price",
    "likes": "revision__model__likes",
    "released_on": "revision__model__released_on",
}
"""Columns that are a field of the row, or of what it points at."""


class Cell(msgspec.Struct):
    """The part of a row's cell that is searched and sorted by."""

    score: float | None = None
    normalised: float | None = None


CELLS = msgspec.json.Decoder(dict[str, Cell])


def gathered(snapshot: Snapshot) -> pa.Table:
    """The columns of a ranking whose rows are written."""
    tasks = list(snapshot.suite.tasks.order_by("position").values_list("task", flat=True))
    return table.build(values_of(snapshot, tasks), tasks)


def values_of(snapshot: Snapshot, tasks: list[str]) -> dict[str, Any]:
    """The columns by name: lists of texts and flags, arrays of numbers, in the order of the rows' keys."""
    names = [*PLAIN, "context_length", "evaluated_on"]
    rows = SnapshotRow.objects.filter(snapshot=snapshot).order_by("pk")
    found = rows.annotate(
        context=Coalesce("revision__context_length", "revision__model__context_length"),
        day=Coalesce(TruncDate("submission__finished_at"), "imported__evaluated_on"),
        cells=Cast("tasks", TextField()),
    ).values_list(*PLAIN.values(), "context", "day", "cells")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    scores = Scores(tasks)
    for row in found.iterator(chunk_size=BATCH):
        for name, value in zip(names, row, strict=False):
            columns[name].append(value)
        scores.add(CELLS.decode(row[-1]))
    return converted(columns) | scores.columns()


class Scores:
    """The tasks' columns, filled row by row."""

    def __init__(self, tasks: list[str]) -> None:
        self._places = {task: place for place, task in enumerate(tasks)}
        self._rows: list[np.ndarray[Any, np.dtype[np.float64]]] = []

    def add(self, cells: dict[str, Cell]) -> None:
        """One more row; what it lacks is missing."""
        row = np.full((2, len(self._places)), np.nan)
        for task, cell in cells.items():
            place = self._places.get(task)
            if place is not None:
                row[0, place] = np.nan if cell.score is None else cell.score
                row[1, place] = np.nan if cell.normalised is None else cell.normalised / 100
        self._rows.append(row)

    def columns(self) -> dict[str, Any]:
        """By name; the normalised ones only where there are any."""
        both = np.stack(self._rows, axis=-1) if self._rows else np.zeros((2, len(self._places), 0))
        found = {task_column("score", task): both[0, place] for task, place in self._places.items()}
        if not np.isnan(both[1]).all():
            found |= {task_column("normalised", task): both[1, place] for task, place in self._places.items()}
        return found


def converted(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Database values as the columns want them: NaN for unknown numbers, days for dates, 0 for no rank."""
    columns["size_class"] = [size_class(parameters) for parameters in columns["parameters"]]
    columns["modalities"] = [" + ".join(sorted(map(str, one))) if one else None for one in columns["modalities"]]
    for rank in table.RANKS:
        columns[rank] = [value or 0 for value in columns[rank]]
    numbers = {fact.name for fact in FACTS if fact.kind == "number"} | set(table.SCORES)
    days = {fact.name for fact in FACTS if fact.kind == "date"}
    plain: dict[str, Any] = {}
    for name, values in columns.items():
        if name in numbers:
            plain[name] = np.array([np.nan if value is None else float(value) for value in values])
        elif name in days:
            plain[name] = np.array([np.nan if value is None else value.toordinal() - EPOCH for value in values])
        else:
            plain[name] = values
    return plain
