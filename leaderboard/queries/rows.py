"""Rows of a ranking as they are shown, read from its columns: no database is asked, however many they are."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.columnar.table import MISSING, RANKS, SCORES, WHOLE, Columns, task_column
from leaderboard.models import SuiteTask

Places = np.ndarray[Any, np.dtype[np.intp]]
Cell = dict[str, Any]
"""{"score", "stderr", "n", "metric", "filter", "unavailable"} with fractions; imported ones may have "normalised", the
source's own number from 0 to 100."""


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
    tasks: dict[str, Cell]
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


def rows_of(data: Columns, places: Sequence[int] | Places, tasks: Iterable[SuiteTask]) -> list[Row]:
    """The rows at these places of the table, in this order, with the cells of these tasks."""
    at: Places = np.asarray(places, dtype=np.intp)
    numbers = (*WHOLE, *RANKS, *SCORES, "parameters")
    plain = {name: values(data, name, at) for name in numbers}
    texts = {name: words(data, name, at) for name in ("kind", "precision", "settings", "why", "flagged")}
    named = {name: data.table[name].take(at).to_pylist() for name in ("model", "sha")}
    parsed = {text: json.loads(text) if text else {} for text in set(texts["settings"])}
    cells = cells_of(data, at, tasks)
    return [
        Row(
            model_name=named["model"][place], kind=texts["kind"][place], sha=named["sha"][place],
            parameters=whole(plain["parameters"][place]), flagged=texts["flagged"][place] == "yes",
            submission_id=plain["submission"][place] or None, imported_id=plain["imported"][place] or None,
            batch=plain["batch"][place] or None, settings=parsed[texts["settings"][place]],
            precision=texts["precision"][place], rank=plain["rank"][place] or None,
            rank_low=plain["rank_low"][place] or None, rank_high=plain["rank_high"][place] or None,
            unranked_reason="" if plain["rank"][place] else texts["why"][place],
            score=plain["score"][place], stderr=plain["stderr"][place], tasks=cells[place],
        )
        for place in range(len(at))
    ]  # fmt: skip


def cells_of(data: Columns, at: Places, tasks: Iterable[SuiteTask]) -> list[dict[str, Cell]]:
    """The cells of each row, by task; a task of which a row holds nothing, not even a reason, is left out."""
    found: list[dict[str, Cell]] = [{} for _ in at]
    known = set(data.table.column_names)
    nothing: list[Any] = [None] * len(at)
    for task in tasks:
        score, stderr, n, normalised = (
            values(data, column, at) if (column := task_column(part, task.task)) in known else nothing
            for part in ("score", "stderr", "n", "normalised")
        )  # fmt: skip
        reason = task_column(MISSING, task.task)
        why = words(data, reason, at) if reason in known else [""] * len(at)
        for place, row in enumerate(found):
            if score[place] is None and not why[place]:
                continue
            row[task.task] = cell = {
                "score": score[place], "stderr": stderr[place], "n": int(n[place] or 0), "metric": task.metric,
                "filter": task.filter, "unavailable": why[place],
            }  # fmt: skip
            if normalised[place] is not None:
                cell["normalised"] = normalised[place]
    return found


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
