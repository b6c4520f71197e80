"""The rows of a ranking, gathered from what was measured and imported: all that boards show, search and sort by."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from django.db.models import F, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, TruncDate

from leaderboard.columnar import table
from leaderboard.columnar.facts import FACTS, size_class
from leaderboard.columnar.ranking import NO_SCORE, UNVERIFIED, UNVERIFIED_ENDPOINT
from leaderboard.columnar.table import MISSING, TASK, task_column
from leaderboard.models import Imported, Revision, Submission, Suite
from leaderboard.queries.binary import binary_cursor
from leaderboard.queries.endpoints import vouched

Places = np.ndarray[Any, np.dtype[np.intp]]

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
    "modalities": "modes",
    "adapter_on": "revision__base_name",
}
"""Columns that are a field of what the row points at, whatever it comes from; modalities come as JSON."""
OWN = ("key", "batch", "score", "stderr", "why", "precision", "day", "context", "settings")
"""Columns that submissions and imports say differently."""


class Cell(msgspec.Struct):
    """What an import says of a task."""

    score: float | None = None
    stderr: float | None = None
    n: int = 0
    normalised: float | None = None
    unavailable: str = ""


SAID = msgspec.json.Decoder(dict[str, Cell])
PACKED = np.dtype([("submission", ">i8"), ("task", ">i4"), ("score", ">f8"), ("stderr", ">f8"), ("n", ">i4")])
RESULTS = """
SELECT string_agg(int8send(submission_id) || int4send(position::int) || float8send(coalesce(score, 'NaN'))
                  || float8send(coalesce(result.stderr, 'NaN')) || int4send(n), ''::bytea),
       array_agg(submission_id) FILTER (WHERE unavailable <> ''),
       array_agg(position) FILTER (WHERE unavailable <> ''),
       array_agg(unavailable) FILTER (WHERE unavailable <> '')
FROM leaderboard_result AS result JOIN unnest(%s::bigint[]) WITH ORDINALITY AS task (id, position) ON task_id = task.id
WHERE submission_id BETWEEN %s AND %s AND (%s::bigint[] IS NULL OR submission_id = ANY (%s))
"""
"""The results of submissions as one value, PACKED, and why some are missing. Python would take a dozen seconds to read
millions of rows one by one, and takes two for packed numbers; they are never all in memory either."""


class Cells:
    """The tasks' columns of `rows` rows, filled in any order; what is never filled is missing."""

    def __init__(self, tasks: list[str], rows: int) -> None:
        self._places = {task: place for place, task in enumerate(tasks)}
        self._parts = np.full((len(TASK), len(tasks), rows), np.nan)
        self._missing: dict[str, dict[int, str]] = {}

    def add(self, row: int, said: dict[str, Cell]) -> None:
        """What an import says of its tasks; those which the suite does not have are left out."""
        for task, cell in said.items():
            place = self._places.get(task)
            if place is None:
                continue
            for part, value in enumerate((cell.score, cell.stderr, cell.n or None, cell.normalised)):
                if value is not None:
                    self._parts[part, place, row] = value
            if cell.unavailable:
                self.lacks(row, task, cell.unavailable)

    def put(self, rows: Places, tasks: Places, found: np.ndarray[Any, Any]) -> None:
        """Results of PACKED, (k,), each in its row and task (its position)."""
        for part, name in enumerate(("score", "stderr")):
            self._parts[part, tasks, rows] = found[name]
        self._parts[2, tasks, rows] = np.where(found["n"] > 0, found["n"], np.nan)

    def lacks(self, row: int, task: str, why: str) -> None:
        """Why a row has no score for a task."""
        self._missing.setdefault(task, {})[row] = why

    def columns(self) -> dict[str, Any]:
        """By name; of parts that no row has, none."""
        found: dict[str, Any] = {
            task_column(name, task): self._parts[part, place]
            for part, name in enumerate(TASK)
            for task, place in self._places.items()
            if name == "score" or not np.isnan(self._parts[part, place]).all()
        }
        rows = self._parts.shape[-1]
        for task, reasons in self._missing.items():
            values = {why: code for code, why in enumerate(sorted(set(reasons.values())))}
            codes = np.full(rows, -1, dtype=np.int32)
            codes[list(reasons)] = [values[why] for why in reasons.values()]
            found[task_column(MISSING, task)] = table.coded(codes, list(values))
        return found


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
    """The columns of these rows, submissions first, each by key; nobody has a rank yet."""
    tasks = dict(suite.tasks.order_by("position").values_list("pk", "task"))
    cells = Cells(list(tasks.values()), len(submissions) + len(imports))
    rows = [(row[0], 0, True, *row) for row in measured_rows(submissions)]
    measured_cells(cells, tasks, submissions)
    for place, (*row, said) in enumerate(imported_rows(suite, imports), start=len(submissions)):
        rows.append((0, row[0], False, *row))
        cells.add(place, SAID.decode(said))
    names = ("submission", "imported", "verified", *OWN, *PLAIN)
    columns = dict(zip(names, map(list, zip(*rows, strict=True)) if rows else ([] for _ in names), strict=True))
    del rows
    return table.build(converted(columns) | cells.columns(), list(tasks.values()))


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
        "dtype": KeyTextTransform("dtype", "settings"),
        "context": Coalesce("revision__context_length", "revision__model__context_length"),
        "day": TruncDate("finished_at"),
        "words": Cast("settings", TextField()),
        "modes": Cast("revision__model__modalities", TextField()),
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


def measured_cells(cells: Cells, tasks: dict[int, str], keys: Sequence[int]) -> None:
    """Put the results of submissions into their cells; `keys` sorted, as the rows are."""
    names = list(tasks.values())
    numbers = np.array(sorted(keys), dtype=np.int64)
    for start in range(0, len(numbers), BATCH):
        some = numbers[start : start + BATCH]
        named = some.tolist() if len(some) <= FEW else None
        with binary_cursor() as cursor:
            cursor.execute(RESULTS, [list(tasks), int(some[0]), int(some[-1]), named, named])
            packed, *lacking = cursor.fetchone() or (b"",)
        found = np.frombuffer(packed or b"", dtype=PACKED)
        found = found[np.isin(found["submission"], some)]
        cells.put(start + np.searchsorted(some, found["submission"]), found["task"] - 1, found)
        for row, task, why in zip(*(values or () for values in lacking), strict=True):
            place = int(np.searchsorted(some, row))
            if place < len(some) and some[place] == row:
                cells.lacks(start + place, names[task - 1], why)


def imported_rows(suite: Suite, keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """OWN, PLAIN and the cells as JSON of imports, by key."""
    keys = sorted(keys)
    reason = NO_SCORE if suite.imported else UNVERIFIED
    named = {
        "context": Coalesce("revision__context_length", "revision__model__context_length"),
        "words": Cast("settings", TextField()),
        "modes": Cast("revision__model__modalities", TextField()),
        "cells": Cast("tasks", TextField()),
    }
    own = ("pk", "batch_id", "score", "stderr", "unranked_reason", "precision", "evaluated_on", "context", "words")
    found = among(Imported.objects.annotate(**named), keys).values_list(*own, *PLAIN.values(), "cells")
    asked = set(keys)
    for row in found.iterator(chunk_size=BATCH):
        if row[0] in asked:
            why = row[4] or ("" if suite.imported and row[2] is not None else reason)
            yield (*row[:4], why, *row[5:])


def converted(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Database values as the columns want them: NaN for unknown numbers, days for dates, 0 for no rank."""
    columns["size_class"] = [size_class(parameters) for parameters in columns["parameters"]]
    modes = {text: " + ".join(sorted(map(str, json.loads(text)))) for text in set(columns["modalities"])}
    columns["modalities"] = [modes[text] for text in columns["modalities"]]
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


def keys_of(data: table.Columns) -> Iterable[tuple[int, int]]:
    """(submission, imported) of each row, in the table's order."""
    return zip(data.number("submission").tolist(), data.number("imported").tolist(), strict=True)
