"""Rankings made up for tests and benchmarks."""

from typing import Any

import numpy as np
import pyarrow as pa

from leaderboard.columnar.facts import FACTS
from leaderboard.columnar.table import Columns, build, task_column

Values = dict[str, Any]


def columns_of(rows: list[Values], tasks: tuple[str, ...] = ("alpha", "beta")) -> Columns:
    """A ranking from rows that say only what matters; the rest is missing."""
    return Columns(table_of(rows, tasks))


def table_of(rows: list[Values], tasks: tuple[str, ...] = ("alpha", "beta")) -> pa.Table:
    nothing: Values = {
        "submission": 0, "imported": 0, "revision": 0, "batch": 0, "sha": "0" * 40, "settings": "{}", "why": "",
        "rank": 0, "rank_low": 0, "rank_high": 0, "score": np.nan, "stderr": np.nan,
    }  # fmt: skip
    for fact in FACTS:
        nothing[fact.name] = None if fact.kind in {"choice", "flag"} else np.nan
    for task in tasks:
        nothing[task_column("score", task)] = np.nan
    full = [{**nothing, "model": f"org/m{number}", "submission": number + 1, **row} for number, row in enumerate(rows)]
    return build({name: [row[name] for row in full] for name in [*nothing, "model"]}, tasks)


def content(table: pa.Table) -> dict[tuple[int, int], Values]:
    """What a ranking says, by (submission, imported), however it is stored: without what is missing."""
    rows = {}
    for row in table.to_pylist():
        said = {name: value for name, value in row.items() if value is not None and value == value}
        rows[row["submission"], row["imported"]] = said
    assert len(rows) == table.num_rows
    return rows
