"""All rows of a board as it is shown, in its order, with its columns: what downloads hold."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from leaderboard.columnar.export import own_name, plain
from leaderboard.columnar.select import OWN
from leaderboard.columnar.table import RANKS, SCORES, Rows, task_column
from leaderboard.models import SuiteTask
from leaderboard.queries.columns import task_values
from leaderboard.queries.rows import key_of
from leaderboard.queries.selection import RAW, Selection

BATCH = 5_000
"""Rows that are in memory at once."""
PLAIN = {
    **{name: name for name in (*RANKS, "model")},
    "sha": "revision",
    **{name: name for name in ("kind", "licence", "precision", "settings")},
    "why": "unranked_reason",
    **{name: name for name in ("verified", "released_on", *SCORES, "parameters", "context_length")},
    **{name: name for name in ("input_price", "output_price")},
}
"""Columns of the ranking, and what they are called here."""


def batches(chosen: Selection) -> Iterator[pa.Table]:
    """The rows, `BATCH` at a time, at least one table, so that the schema is told of no rows too.

    The key, PLAIN (scores and errors 0-100), the reader's own score and its error, and of each task that is shown its
    number in the view and its standard error, both 0-100, the latter where the ranking has errors.
    """
    rows = chosen.found.rows
    for start in range(0, max(1, len(rows)), BATCH):
        yield table_at(chosen, rows[start : start + BATCH])


def table_at(chosen: Selection, at: Rows) -> pa.Table:
    """These rows."""
    data = chosen.data
    keys = zip(data.number("submission")[at].tolist(), data.number("imported")[at].tolist(), strict=True)
    part = data.table.select(list(PLAIN)).take(pa.array(at))
    columns: dict[str, Any] = {"key": pa.array([key_of(*key) for key in keys], pa.string())}
    columns |= {name: plain(column, part[column]) for column, name in PLAIN.items()}
    if chosen.own is not None:
        columns |= {OWN: numbers(chosen.own.score[at]), f"{OWN}_stderr": numbers(chosen.own.stderr[at])}
    taken = {*columns, OWN, f"{OWN}_stderr"}
    for task in chosen.shown:
        name = own_name(task.task, taken)
        columns[name] = numbers(100 * task_values(data, task, chosen.view)[at])
        if has_error(chosen, task):
            columns[f"{name}_stderr"] = numbers(100 * data.number(task_column("stderr", task.task))[at])
    return pa.table(columns)


def has_error(chosen: Selection, task: SuiteTask) -> bool:
    """Whether any row has a standard error of this task; of percentiles, and of others' normalised scores, there is
    none."""
    return chosen.view in {"", RAW} and task_column("stderr", task.task) in chosen.data.table.column_names


def numbers(values: np.ndarray[Any, np.dtype[np.float64]]) -> pa.Array:
    """Null for NaN."""
    return pa.array(values, pa.float64(), from_pandas=True)
