"""Rows of a ranking as a table for other programs, a batch at a time, so that memory does not grow with the rows."""

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from leaderboard.columnar.facts import FACTS
from leaderboard.columnar.table import RANKS, SCORES, SINCE, Columns, Rows, task_column

BATCH = 5_000
PARTS = {"score": "", "stderr": "_stderr", "n": "_n", "normalised": "_normalised"}
"""What a task's columns are called after its name: the score has the bare name."""


def names(data: Columns, tasks: Sequence[str]) -> list[tuple[str, str]]:
    """(column of the ranking, its name in the table) in the order of the table, for these tasks."""
    found = [(name, name) for name in (*RANKS, "model")]
    found += [("sha", "revision"), *((name, name) for name in SCORES), ("submission", "submission")]
    found += [("why", "unranked_reason"), ("settings", "settings"), *((fact.name, fact.name) for fact in FACTS)]
    found = [(column, name) for column, name in found if column in data.names or column not in SINCE]
    taken = {name for _, name in found}
    for task in tasks:
        own = own_name(task, taken)
        columns = {task_column(part, task): f"{own}{suffix}" for part, suffix in PARTS.items()}
        found += [(column, name) for column, name in columns.items() if column in data.table.column_names]
    return found


def own_name(task: str, taken: Collection[str]) -> str:
    """A task's column: its name, unless a fact has that."""
    return f"task:{task}" if task in taken else task


def batches(data: Columns, rows: Rows, tasks: Sequence[str]) -> Iterator[pa.Table]:
    """The rows at these places, in this order: numbers with null where missing, texts, flags as booleans, days.

    There is always one batch, so that the schema is told for a table without rows too.
    """
    chosen = names(data, tasks)
    for start in range(0, max(1, len(rows)), BATCH):
        part = data.table.select([column for column, _ in chosen]).take(pa.array(rows[start : start + BATCH]))
        yield pa.table({name: plain(column, part[column]) for column, name in chosen})


def plain(name: str, column: pa.ChunkedArray) -> pa.Array:
    """A column as other programs expect it."""
    kind = next((fact.kind for fact in FACTS if fact.name == name), "")
    if pa.types.is_dictionary(column.type):
        texts = column.cast(pa.string())
        return pc.equal(texts, "yes") if kind == "flag" else texts
    if kind == "date":
        days = pc.if_else(pc.is_nan(column), None, column)
        return days.cast(pa.int32(), safe=False).cast(pa.date32())
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    if pa.types.is_integer(column.type):
        return pc.if_else(pc.equal(column, 0), pa.scalar(None, column.type), column)
    return column
