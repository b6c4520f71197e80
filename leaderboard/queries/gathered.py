"""The rows of a ranking, gathered from what was measured and imported: all that boards show, search and sort by."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce, TruncDate

from leaderboard.columnar import table
from leaderboard.columnar.facts import FACTS, size_class
from leaderboard.columnar.ranking import NO_SCORE, UNVERIFIED, UNVERIFIED_ENDPOINT
from leaderboard.columnar.table import MISSING, TASK, task_column
from leaderboard.models import Imported, Result, Revision, Submission, Suite
from leaderboard.queries.endpoints import vouched

EPOCH = date(1970, 1, 1).toordinal()
BATCH = 5_000
"""Rows read at a time: memory stays small, however many there are."""
FEW = 1_000
"""So many keys are named in a query; of more, all rows are read."""

OF_MODEL = (
    "kind", "licence", "licence_family", "training", "modalities", "base_model", "organisation", "official", "mixture",
    "merged", "flagged", "input_price", "output_price", "likes", "released_on",
)  # fmt: skip
OF_REVISION = ("sha", "architecture", "parameters", "active_parameters", "chat_template")
PLAIN = {
    "revision": "revision_id",
    "model": "revision__model__name",
    **{name: f"revision__{name}" for name in OF_REVISION},
    **{name: f"revision__model__{name}" for name in OF_MODEL},
}
"""Columns that are a field of what the row points at, whatever it comes from."""
OWN = ("key", "batch", "score", "stderr", "why", "precision", "day", "context", "settings")
"""Columns that submissions and imports say differently."""


class Cell(msgspec.Struct):
    """What an import says of a task."""

    score: float | None = None
    stderr: float | None = None
    n: int = 0
    normalised: float | None = None
    unavailable: str = ""


CELLS = msgspec.json.Decoder(dict[str, Cell])


def wanted(suite: Suite) -> tuple[list[int], list[int]]:
    """The rows that a ranking of `suite` has now: the latest succeeded submission of each (revision, settings), and the
    current imports. Their keys."""
    measured = latest(suite).values_list("pk", flat=True)
    imported = Imported.objects.filter(suite=suite, superseded_at=None).order_by("pk").values_list("pk", flat=True)
    return list(measured), list(imported)


def latest(suite: Suite) -> QuerySet[Submission]:
    """The latest succeeded submission of each (revision, settings)."""
    return (
        Submission.objects.filter(suite=suite, state=Submission.State.SUCCEEDED)
        .order_by("revision_id", "settings_digest", "-id")
        .distinct("revision_id", "settings_digest")
    )


def gathered(suite: Suite, submissions: Sequence[int], imports: Sequence[int]) -> pa.Table:
    """The columns of these rows, submissions first; nobody has a rank yet."""
    tasks = list(suite.tasks.order_by("position").values_list("task", flat=True))
    columns: dict[str, list[Any]] = {name: [] for name in ("submission", "imported", "verified", *OWN, *PLAIN)}
    scores = Scores(tasks)
    for row in measured_rows(submissions):
        add(columns, row, submission=row[0], imported=0)
    for cells in measured_cells(submissions):
        scores.add(cells)
    for row in imported_rows(suite, imports):
        add(columns, row, submission=0, imported=row[0])
        scores.add(CELLS.decode(row[-1]))
    return table.build(converted(columns) | scores.columns(), tasks)


def add(columns: dict[str, list[Any]], row: tuple[Any, ...], *, submission: int, imported: int) -> None:
    """One more row; `row` holds OWN and PLAIN, in this order."""
    columns["submission"].append(submission)
    columns["imported"].append(imported)
    columns["verified"].append(bool(submission))
    for name, value in zip((*OWN, *PLAIN), row, strict=False):
        columns[name].append(value)


def among(rows: QuerySet[Any], keys: Sequence[int]) -> QuerySet[Any]:
    """The rows with these keys, by key."""
    ordered = rows.order_by("pk")
    return ordered.filter(pk__in=keys) if len(keys) <= FEW else ordered.filter(pk__gte=keys[0], pk__lte=keys[-1])


def measured_rows(keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """OWN and PLAIN of submissions, by key."""
    keys = sorted(keys)
    named = {
        "batch": Value(0),
        "why": F("unranked_reason"),
        "dtype": F("settings__dtype"),
        "context": Coalesce("revision__context_length", "revision__model__context_length"),
        "day": TruncDate("finished_at"),
        "words": Cast("settings", TextField()),
    }
    own = ("pk", "batch", "score", "stderr", "why", "dtype", "day", "context", "words")
    found = among(Submission.objects.annotate(**named), keys).values_list(*own, *PLAIN.values(), "revision__dtype")
    asked, unknown = set(keys), unvouched(keys)
    for row in found.iterator(chunk_size=BATCH):
        if row[0] in asked:
            why = row[4] or ("" if row[2] is not None else NO_SCORE)
            why = why or (UNVERIFIED_ENDPOINT if row[0] in unknown else "")
            precision = row[-1] if row[5] == "auto" else row[5]
            yield (*row[:4], why, precision, *row[6:-1])


def unvouched(keys: Sequence[int]) -> set[int]:
    """Of these submissions, those of endpoints for whose origin the staff does not vouch. There are few."""
    source = Submission.objects.filter(revision__source=Revision.Source.ENDPOINT)
    ours = among(source, keys).values_list("pk", "revision__origin", "revision__served") if keys else ()
    found = {pk: (origin, served) for pk, origin, served in ours}
    known = vouched(list(found.values()))
    return {pk for pk, place in found.items() if place not in known}


def measured_cells(keys: Sequence[int]) -> Iterator[dict[str, Cell]]:
    """The cells of submissions, by key; of one without results, none."""
    keys = sorted(keys)
    results = Result.objects.order_by("submission_id")
    results = (
        results.filter(submission__in=keys)
        if len(keys) <= FEW
        else results.filter(submission__gte=keys[0], submission__lte=keys[-1])
    )
    found = results.values_list("submission_id", "task__task", "score", "stderr", "n", "unavailable")
    groups = groupby(found.iterator(chunk_size=BATCH), key=itemgetter(0))
    group = next(groups, None)
    for key in keys:
        while group is not None and group[0] < key:
            group = next(groups, None)
        if group is None or group[0] != key:
            yield {}
            continue
        yield {task: Cell(score, stderr, n, None, why) for _, task, score, stderr, n, why in group[1]}
        group = next(groups, None)


def imported_rows(suite: Suite, keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """OWN, PLAIN and the cells as JSON of imports, by key."""
    keys = sorted(keys)
    reason = NO_SCORE if suite.imported else UNVERIFIED
    named = {
        "context": Coalesce("revision__context_length", "revision__model__context_length"),
        "words": Cast("settings", TextField()),
        "cells": Cast("tasks", TextField()),
    }
    own = ("pk", "batch_id", "score", "stderr", "unranked_reason", "precision", "evaluated_on", "context", "words")
    found = among(Imported.objects.annotate(**named), keys).values_list(*own, *PLAIN.values(), "cells")
    asked = set(keys)
    for row in found.iterator(chunk_size=BATCH):
        if row[0] in asked:
            why = row[4] or ("" if suite.imported and row[2] is not None else reason)
            yield (*row[:4], why, *row[5:])


class Scores:
    """The tasks' columns, filled row by row."""

    def __init__(self, tasks: list[str]) -> None:
        self._places = {task: place for place, task in enumerate(tasks)}
        self._rows: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self._missing: dict[str, dict[int, str]] = {}

    def add(self, cells: dict[str, Cell]) -> None:
        """One more row; what it lacks is missing."""
        row = np.full((len(TASK), len(self._places)), np.nan)
        for task, cell in cells.items():
            place = self._places.get(task)
            if place is None:
                continue
            for part, value in enumerate((cell.score, cell.stderr, cell.n or None, cell.normalised)):
                if value is not None:
                    row[part, place] = value
            if cell.unavailable:
                self._missing.setdefault(task, {})[len(self._rows)] = cell.unavailable
        self._rows.append(row)

    def columns(self) -> dict[str, Any]:
        """By name; of parts that no row has, none."""
        rows = len(self._rows)
        parts = np.stack(self._rows, axis=-1) if rows else np.zeros((len(TASK), len(self._places), 0))
        self._rows = []
        found: dict[str, Any] = {
            task_column(name, task): parts[part, place]
            for part, name in enumerate(TASK)
            for task, place in self._places.items()
            if name == "score" or not np.isnan(parts[part]).all()
        }
        for task, reasons in self._missing.items():
            found[task_column(MISSING, task)] = [reasons.get(row) for row in range(rows)]
        return found


def converted(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Database values as the columns want them: NaN for unknown numbers, days for dates, 0 for no rank."""
    columns["size_class"] = [size_class(parameters) for parameters in columns["parameters"]]
    columns["modalities"] = [" + ".join(sorted(map(str, one))) if one else None for one in columns["modalities"]]
    columns["context_length"], columns["evaluated_on"] = columns.pop("context"), columns.pop("day")
    columns |= {rank: [0] * len(columns["submission"]) for rank in table.RANKS}
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


def settings_of(words: str) -> dict[str, Any]:
    """Settings from their column."""
    found: dict[str, Any] = json.loads(words)
    return found


def keys_of(data: table.Columns) -> Iterable[tuple[int, int]]:
    """(submission, imported) of each row, in the table's order."""
    return zip(data.number("submission").tolist(), data.number("imported").tolist(), strict=True)
