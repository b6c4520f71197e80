"""How the command line shows things: columns for people, CSV and JSON for programs."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import msgspec
from tqdm import tqdm

from evaluator.api_client import Row, Submission

COLUMNS = ("rank", "rank_low", "rank_high", "model", "revision", "score", "stderr", "submission", "verified")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would take for a formula."""


def as_json(value: Any, out: TextIO | None = None) -> None:
    """ASCII, so that whatever a model or person wrote passes every terminal unharmed."""
    print(json.dumps(msgspec.to_builtins(value), indent=1), file=out or sys.stdout)


def cells(row: Row) -> list[Any]:
    low, high = row.rank_interval or (None, None)
    return [
        row.rank, low, high, row.model, row.revision[:12], row.score, row.stderr, row.submission, row.verified,
    ]  # fmt: skip


def as_csv(rows: Iterable[Row], out: TextIO | None = None) -> None:
    writer = csv.writer(out or sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(["" if cell is None else defused(cell) for cell in cells(row)])


def defused(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def as_table(rows: Iterable[Row], out: TextIO | None = None) -> None:
    lines = [("rank", "95 %", "model", "score", "")]
    for row in rows:
        interval = "{}-{}".format(*row.rank_interval) if row.rank_interval else ""
        error = f"± {1.96 * row.stderr:.2f}" if row.stderr is not None else ""
        score = f"{row.score:.2f}" if row.score is not None else f"-  {row.unranked_reason}"
        lines.append((str(row.rank or "-"), interval, row.model, score, error))
    print(columns(lines), file=out or sys.stdout)


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells under each other; control characters of what strangers wrote are made visible."""
    shown = [[visible(cell) for cell in line] for line in lines]
    widths = [max(len(line[place]) for line in shown) for place in range(len(shown[0]))] if shown else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in shown
    )


def visible(text: str) -> str:
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def described(row: Submission) -> str:
    """A submission in a few lines."""
    error = f" ± {1.96 * row.stderr:.2f}" if row.stderr is not None else ""
    score = "" if row.score is None else f": {row.score:.2f}{error}"
    lines = [f"submission {row.id}: {row.model} on {row.suite}, {row.state}{score}"]
    lines += [
        f"  {one.task}  {one.score:.4f}" if one.score is not None else f"  {one.task}  -  {one.unavailable}"
        for one in row.results
    ]
    if row.error:
        lines.append(f"  {row.error.message}")
    if row.unranked_reason:
        lines.append(f"  not ranked: {row.unranked_reason}")
    return "\n".join(visible(line) for line in [*lines, f"  {row.url}"])


class Following:
    """A submission's progress as a bar on stderr."""

    def __init__(self, *, shown: bool) -> None:
        self._bar = tqdm(total=None, unit="item", desc="submitted", dynamic_ncols=True, disable=not shown)

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, row: Submission) -> None:
        progress = row.progress
        self._bar.total = progress.total or None if progress else None
        place = f", {row.queue_position} in line" if row.queue_position else ""
        self._bar.set_description(f"{row.state}{place}", refresh=False)
        self._bar.update((progress.done if progress else 0) - self._bar.n)
