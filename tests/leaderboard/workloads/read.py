"""Uploads read in tests."""

import io
import json
from collections.abc import Iterable
from typing import Any

from leaderboard.workloads.reading import Reading
from leaderboard.workloads.records import Item, Report


def read(body: bytes | str, **options: Any) -> tuple[list[Item], Report]:
    """All items and what was said of them."""
    reading = Reading(io.BytesIO(body.encode() if isinstance(body, str) else body), **options)
    return list(reading), reading.report


def jsonl(rows: Iterable[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def problem(body: bytes | str, **options: Any) -> tuple[int, str, str, str]:
    """The only problem of an upload that is not taken: line, field, code, message."""
    _, report = read(body, **options)
    assert not report.good
    assert len(report.problems) == 1, report.problems
    found = report.problems[0]
    return found.line, found.field, found.code, found.message
