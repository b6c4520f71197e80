"""All rows of a board as it is shown, in its order, with its columns: what downloads hold."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from leaderboard.columnar.select import OWN
from leaderboard.columnar.table import Rows, task_column
from leaderboard.models import SuiteTask
from leaderboard.queries.columns import task_values
from leaderboard.queries.rows import key_of
from leaderboard.queries.selection import Selection

BATCH = 2_000
"""Rows that are in memory at once."""
TEXTS = ("model", "revision", "kind", "licence", "precision", "settings", "unranked_reason")
NUMBERS = ("score", "stderr", "parameters", "context_length", "input_price", "output_price")


def schema(chosen: Selection) -> pa.Schema:
    """The columns: identity and rank, score and error (0-100), the reader's own score, and of each task that is shown
    its number in the view and its standard error, both 0-100, the latter where the ranking has errors."""
    fields = [("key", pa.string()), ("rank", pa.int32()), ("rank_low", pa.int32()), ("rank_high", pa.int32())]
    fields += [(name, pa.string()) for name in TEXTS]
    fields += [("verified", pa.bool_()), ("released_on", pa.date32())]
    fields += [(name, pa.float64()) for name in NUMBERS]
    if chosen.own is not None:
        fields += [(OWN, pa.float64()), (f"{OWN}_stderr", pa.float64())]
    for task in chosen.shown:
        fields.append((task.task, pa.float64()))
        if has_error(chosen, task):
            fields.append((f"{task.task}_stderr", pa.float64()))
    return pa.schema(fields)


def has_error(chosen: Selection, task: SuiteTask) -> bool:
    """Whether any row has a standard error of this task; of percentiles there is none."""
    return chosen.view in {"", "raw"} and task_column("stderr", task.task) in chosen.data.table.column_names


def batches(chosen: Selection) -> Iterator[pa.RecordBatch]:
    """The rows in order, `BATCH` at a time."""
    kind = schema(chosen)
    for start in range(0, len(chosen.found.rows), BATCH):
        at = chosen.found.rows[start : start + BATCH]
        columns = columns_at(chosen, at)
        yield pa.record_batch([pa.array(columns[name], kind.field(name).type) for name in kind.names], schema=kind)


def columns_at(chosen: Selection, at: Rows) -> dict[str, Any]:
    """The columns of these rows by name, None where missing."""
    data = chosen.data
    submissions, imports = data.number("submission")[at], data.number("imported")[at]
    ranked = data.number("rank")[at] > 0
    found: dict[str, Any] = {
        "key": [key_of(*keys) for keys in zip(submissions.tolist(), imports.tolist(), strict=True)],
        "model": data.table["model"].take(pa.array(at)).to_pylist(),
        "revision": data.table["sha"].take(pa.array(at)).to_pylist(),
        "verified": (submissions > 0).tolist(),
    }
    for name in ("rank", "rank_low", "rank_high"):
        found[name] = [value or None for value in data.number(name)[at].tolist()]
    for name in ("kind", "licence", "precision", "settings"):
        found[name] = texts(data.choice(name), at)
    reasons = texts(data.choice("why"), at)
    found["unranked_reason"] = [None if has else why for has, why in zip(ranked.tolist(), reasons, strict=True)]
    days = data.number("released_on")[at].tolist()
    found["released_on"] = [None if day != day else round(day) for day in days]  # NaN alone is not itself
    for name in NUMBERS:
        found[name] = known(data.number(name)[at])
    if chosen.own is not None:
        found |= {OWN: known(chosen.own.score[at]), f"{OWN}_stderr": known(chosen.own.stderr[at])}
    for task in chosen.shown:
        found[task.task] = known(100 * task_values(data, task, chosen.view)[at])
        if has_error(chosen, task):
            found[f"{task.task}_stderr"] = known(100 * data.number(task_column("stderr", task.task))[at])
    return found


def texts(choice: Any, at: Rows) -> list[str | None]:
    """A column of choices at these rows."""
    return [choice.values[code] if code >= 0 else None for code in choice.codes[at].tolist()]


def known(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """Numbers, None for NaN."""
    return [None if value != value else value for value in values.tolist()]
