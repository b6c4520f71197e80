"""Comparisons in words and pictures: verdicts, differences, charts of several models on one axis."""

import math
from typing import Any, NamedTuple

from django import template

from leaderboard.queries.columns import Scale
from leaderboard.queries.compare import Against, Compared, Row
from leaderboard.queries.measured import Measured
from leaderboard.statistics.verdict import Word
from leaderboard.templatetags.charts import Tick, position, ticks

register = template.Library()

LINE = 22
"""px for each model of a chart; the lists beside it have lines as high."""
CHART, DIFFERENCE = 180, 200
MINUS = "−"

METHODS = {
    "McNemar": "McNemar’s test with Tango’s interval",
    "t": "a paired t-test",
    "all equal": "the sign test, where all differences are alike",
}
MARKS = {Word.BETTER: "▲", Word.WORSE: "▼", Word.EQUIVALENT: "≈", Word.UNDECIDED: "?"}


SHAPES = (
    "M4.5 0a4.5 4.5 0 1 1-9 0a4.5 4.5 0 1 1 9 0z", "M0-5.5 5.5 0 0 5.5-5.5 0z", "M0-5 5 4H-5z", "M-4-4h8v8h-8z",
    "M-4-4 4 4M4-4-4 4", "M0-5V5M-5 0H5", "M0-5V5M-4.3-2.5 4.3 2.5M4.3-2.5-4.3 2.5",
)  # fmt: skip
"""Of the models in the chart of differences, in the order of static/charts.js."""


@register.filter
def signed(points: float) -> str:
    """A difference with its sign: "+1.2", "−0.3", "0.0"."""
    text = f"{abs(points):.1f}"
    return text if text == "0.0" else f"{'+' if points > 0 else MINUS}{text}"


@register.filter
def p_value(p: float) -> str:
    """ "p < 0.001", "p = 0.012", "p = 0.43"."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {min(p, 1.0):.2f}"


@register.filter
def mark_of(against: Against) -> str:
    """The sign beside a verdict's word."""
    assert against.verdict is not None
    return MARKS[against.verdict.word]


@register.filter
def more_words(items: float) -> str:
    """How many further items would separate two models, no more exactly than it is known."""
    if math.isinf(items):
        return "equal so far, which no number of items would separate"
    if items > 1_000_000:
        return "no feasible number of items would separate them"
    digits = max(0, len(str(int(items))) - 2)
    return f"about {max(1, round(items, -digits)):,.0f} more items would separate them"


@register.filter
def more_prompts(items: float) -> str:
    """As `more_words`, of a workload's prompts."""
    return more_words(items).replace("items", "prompts")


@register.filter
def more_decide(prompts: float) -> str:
    """How many further prompts would decide whether to switch, no more exactly than it is known."""
    if math.isinf(prompts):
        return "The difference seen so far is the margin itself: no number of prompts would decide."
    digits = max(0, len(str(int(prompts))) - 2)
    return f"About {max(1, round(prompts, -digits)):,.0f} more prompts like these would decide about quality."


@register.filter
def methods_words(found: Compared) -> str:
    """Which tests were used on the tasks: "McNemar’s test with Tango’s interval and a paired t-test"."""
    return " and ".join(METHODS[one] for one in METHODS if one in found.methods)


class Dot(NamedTuple):
    """A model's line in a task's chart."""

    y: float
    kind: str
    x: float | None
    low: float | None
    high: float | None


@register.inclusion_tag("compare/dots.html")
def dots(row: Row, scale: Scale) -> dict[str, Any]:
    """All models' scores on one task with their 95 % intervals."""
    lines = []
    for number, entry in enumerate(row.entries):
        low, high = entry.interval or (None, None)
        drawn = [None if value is None else position(value, scale, CHART) for value in (entry.points, low, high)]
        lines.append(Dot(LINE * (number + 0.5), entry.of.kind, *drawn))
    chance = 100 * row.task.baseline
    return {
        "ticks": ticks(scale, CHART), "width": CHART, "height": LINE * len(lines), "lines": lines,
        "chance": position(chance, scale, CHART) if scale.low <= chance <= scale.high and chance else None,
    }  # fmt: skip


def around(reach: float) -> Scale:
    return Scale(-reach, reach, reach)


@register.inclusion_tag("compare/difference.html")
def difference(against: Against | None, found: Compared) -> dict[str, Any]:
    """A difference to the base with its 95 % interval, around 0, over the band of the margin."""
    scale = around(found.reach)
    band = [position(side * found.margin, scale, DIFFERENCE) for side in (-1, 1)]
    drawn: dict[str, Any] = {
        "width": DIFFERENCE, "zero": position(0, scale, DIFFERENCE), "left": band[0], "band": band[1] - band[0],
    }  # fmt: skip
    if against and against.verdict:
        ends = [position(value, scale, DIFFERENCE) for value in (against.difference, against.low, against.high)]
        drawn |= {"x": ends[0], "low": ends[1], "high": ends[2], "word": against.verdict.word, "against": against}
    return drawn


@register.inclusion_tag("charts/axis.html")
def difference_axis(found: Compared) -> dict[str, Any]:
    scale = around(found.reach)
    return {
        "ticks": [Tick(tick.x, signed_tick(value)) for tick, value in zip(
            ticks(scale, DIFFERENCE), scale.ticks, strict=True
        )],
        "width": DIFFERENCE,
    }  # fmt: skip


@register.inclusion_tag("charts/axis.html")
def dots_axis(found: Compared) -> dict[str, Any]:
    return {"ticks": ticks(found.scale, CHART), "width": CHART}


def signed_tick(value: float) -> str:
    return "0" if not value else f"{'+' if value > 0 else MINUS}{abs(value):g}"


@register.simple_tag
def comparison_address(found: Compared, *, without: str = "", base: str = "") -> str:
    """The query string of the comparison with another base, or without a model."""
    return found.address(without=without, base=base)


@register.simple_tag
def symbol_of(of: Measured, found: Compared) -> dict[str, Any]:
    """The shape and hue (by number) of a model in the chart of differences; the base has none."""
    number = [one for one in found.models if one is not found.base].index(of) % len(SHAPES)
    return {"number": number, "shape": SHAPES[number]}
