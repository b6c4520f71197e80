"""A report as a program reads it: the same numbers as the page's, as JSON and as a table."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from leaderboard.queries.bakeoff_report import Line, Report
from leaderboard.queries.compare import Against

COLUMNS = (
    "model", "revision", "tag", "items", "quality", "low", "high", "difference", "difference_low", "difference_high",
    "verdict", "p_adjusted", "more_items", "dollars_for_1000", "p50_seconds", "p95_seconds", "items_per_second",
    "tokens_in", "tokens_out", "refusals", "not_in_form", "cut_at_limit", "empty",
)  # fmt: skip


def told(found: Report) -> dict[str, Any]:
    """Points are 0-100, differences are against the baseline; what is null was not measured."""
    course = found.course
    return {
        "id": course.bakeoff.pk, "workload": course.workload.pk, "version": course.version.number,
        "items": course.version.counted, "margin": found.margin, "stops": course.bakeoff.stops, "live": course.live,
        "baseline": found.base.entrant.number if found.base else None,
        "runs": [
            {"number": one.number, "submission": one.submission.pk, "model": one.name, "revision": sha(one),
             "state": one.state, "done": one.progress.done, "total": one.progress.total,
             "error": one.submission.error_message}
            for one in course.entrants
        ],
        "models": [line_told(one) for one in found.lines],
        "tags": [
            {"tag": row.tag, "items": row.n, "models": [
                {"number": line.entrant.number, "quality": cell.score, **against_told(cell.against)}
                for line, cell in zip(found.lines, row.cells, strict=True)
            ]}
            for row in found.tags
        ],
    }  # fmt: skip


def sha(entrant: Any) -> str:
    revision = entrant.submission.revision
    return revision.sha if revision else ""


def line_told(one: Line) -> dict[str, Any]:
    return {
        "number": one.entrant.number, "model": one.entrant.name, "revision": sha(one.entrant), "items": one.n,
        "stopped": one.stopped, "quality": one.score, "interval": [one.low, one.high], **against_told(one.against),
        "dollars_for_1000": one.cost, "p50_seconds": one.p50, "p95_seconds": one.p95, "items_per_second": one.rate,
        "tokens_in": one.tokens_in, "tokens_out": one.tokens_out, "refusals": one.refusals,
        "not_in_form": one.unextracted, "cut_at_limit": one.cut, "empty": one.empty,
    }  # fmt: skip


def against_told(one: Against | None) -> dict[str, Any]:
    if one is None or one.verdict is None:
        return {"difference": None, "difference_interval": None, "verdict": None, "p": None, "more_items": None}
    more = one.more
    return {
        "difference": one.difference, "difference_interval": [one.low, one.high], "verdict": one.verdict.word.value,
        "p": one.p, "more_items": None if more is None or math.isinf(more) else int(more),
    }  # fmt: skip


def lines(found: Report) -> Iterator[Sequence[object]]:
    """A line for each model, and for each of its tags."""
    for one in found.lines:
        yield [
            one.entrant.name, sha(one.entrant), "", one.n, one.score, one.low, one.high, *tested(one.against), one.cost,
            one.p50, one.p95, one.rate, one.tokens_in, one.tokens_out, one.refusals, one.unextracted, one.cut,
            one.empty,
        ]  # fmt: skip
    for row in found.tags:
        for line, cell in zip(found.lines, row.cells, strict=True):
            start = [line.entrant.name, sha(line.entrant), row.tag, row.n, cell.score, None, None]
            yield [*start, *tested(cell.against), *[None] * 10]


def tested(one: Against | None) -> list[object]:
    """The columns from `difference` to `more_items`."""
    if one is None:
        return [None, None, None, "baseline", None, None]
    if one.verdict is None:
        return [None, None, None, one.reason, None, None]
    more = one.more
    return [one.difference, one.low, one.high, one.verdict.word.value, one.p, None if more is None else more]
