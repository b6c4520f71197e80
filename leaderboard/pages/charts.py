"""What charts are drawn from: JSON beside the table that says the same. `static/charts.js` draws it."""

from typing import Any

from leaderboard.queries.compare import Compared
from leaderboard.queries.context import Reach
from leaderboard.queries.history import Point
from leaderboard.queries.sizes import Sizes
from leaderboard.statistics.ranks import Z95
from leaderboard.templatetags.parity import visible
from leaderboard.templatetags.words import short_name

LEAST_POINTS = 2
"""Of a history: a single point is no course of things."""

Data = dict[str, Any]


def histories(points: list[Point]) -> list[Data]:
    """A chart for each suite with enough dated scores, the fullest first."""
    by_suite: dict[str, list[Point]] = {}
    for point in points:
        if point.day is not None:
            by_suite.setdefault(point.suite, []).append(point)
    full = [(suite, found) for suite, found in by_suite.items() if len(found) >= LEAST_POINTS]
    return [
        {"id": f"history-{number}", "kind": "history", "suite": suite, "points": [dated(one) for one in found]}
        for number, (suite, found) in enumerate(sorted(full, key=lambda one: -len(one[1])), start=1)
    ]


def dated(one: Point) -> Data:
    assert one.day is not None  # histories() leaves others out
    half = None if one.stderr is None else Z95 * one.stderr
    return {
        "day": one.day.isoformat(), "score": round(one.score, 3), "imported": one.imported,
        "precision": visible(one.precision or "unknown"), "sha": one.sha[:8],
        "low": None if half is None else round(one.score - half, 3),
        "high": None if half is None else round(one.score + half, 3),
        "url": "" if one.imported else f"/submissions/{one.key[1:]}",
    }  # fmt: skip


def lengths_chart(found: Reach) -> Data | None:
    """Scores by length: [tokens, score, half]; `least` is what a length needs to count as read. None for fewer than two
    lengths."""
    if len(found.drawn) < LEAST_POINTS:
        return None
    return {
        "id": "lengths-chart", "kind": "lengths", "measured": found.measured, "least": found.least,
        "advertised": found.advertised,
        "points": [[one.tokens, one.score, one.half] for one in found.drawn],
    }  # fmt: skip


def sizes_chart(found: Sizes) -> Data:
    """Arrays, for there may be many: [name, kind, x, score, half, front, pinned, rows]; x is what `axis` says."""
    return {
        "id": "sizes-chart", "kind": "sizes", "axis": found.axis.value, "more": found.axis.more,
        "rows": [
            [
                visible(one.name), one.kind, one.x, round(one.score, 2),
                None if one.half is None else round(one.half, 2), int(one.front), int(one.pinned), one.rows,
            ]
            for one in found.drawn
        ],
    }  # fmt: skip


def forest(found: Compared) -> Data:
    """Every difference to the base with its interval: tasks, and the suite last."""
    rows: list[Data] = []
    lines = [(row.task.title, [(one.of, one.against) for one in row.entries]) for row in found.rows]
    lines.append(("Suite", [(one.of, one.against) for one in found.standings]))
    for title, entries in lines:
        for of, against in entries:
            if against is None or against.verdict is None:
                continue
            rows.append(
                {
                    "task": visible(title), "model": visible(short_name(of.name)), "id": of.id,
                    "difference": round(against.difference, 3), "low": round(against.low, 3),
                    "high": round(against.high, 3), "verdict": against.verdict.word.value,
                }
            )  # fmt: skip
    names = {one.of.id: visible(short_name(one.of.name)) for one in found.standings if one.of is not found.base}
    return {
        "id": "forest-chart", "kind": "forest", "margin": found.margin, "rows": rows, "models": names,
        "tasks": [visible(title) for title, _ in lines],
    }  # fmt: skip
