"""Error bars and shades: numbers in, SVG coordinates and class names out. Style attributes are forbidden by the CSP."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from django import template

from leaderboard.columnar.table import Numbers
from leaderboard.queries.columns import Column, Scale
from leaderboard.statistics.intervals import share_interval
from leaderboard.statistics.ranks import Z95
from leaderboard.templatetags.parity import percent

register = template.Library()

HEIGHT, MARGIN = 36, 8
WIDTH = 168
"""Of error bars on the board; pages with more room ask for more."""
SHADES = 10
HEATS = (*(f"heat-{number}" for number in range(SHADES)), "")
LEAST_RANGE = 0.2
"""A column's shades span at least 20 points: a column of near-equal scores must not look like a contest."""

PERCENT = Scale()


def position(value: float, scale: Scale, width: int) -> float:
    """The x of `value`; what lies outside the scale is drawn at its end."""
    share = (min(max(value, scale.low), scale.high) - scale.low) / (scale.high - scale.low)
    return round(MARGIN + share * (width - 2 * MARGIN), 1)


class Tick(NamedTuple):
    x: float
    label: str


def ticks(scale: Scale, width: int) -> list[Tick]:
    return [Tick(position(value, scale, width), f"{value:g}") for value in scale.ticks]


@register.inclusion_tag("charts/axis.html")
def axis(scale: Scale = PERCENT, *, width: int = WIDTH) -> dict[str, Any]:
    """The scale of all error bars below it."""
    return {"ticks": ticks(scale, width), "width": width}


@register.inclusion_tag("charts/whisker.html")
def whisker(
    score: float,
    stderr: float | None,
    kind: str,
    scale: Scale = PERCENT,
    *,
    chance: float = 0.0,
    items: int = 0,
    width: int = WIDTH,
) -> dict[str, Any]:
    """A score (0-100) with its 95 % interval; a circle for open weights, a square for proprietary models. A task's has
    a number of items: few of them have an interval that is not even."""
    drawn: dict[str, Any] = {"ticks": ticks(scale, width), "width": width, "height": HEIGHT, "middle": HEIGHT / 2}
    drawn |= {"x": position(score, scale, width), "kind": kind, "score": score}
    if stderr is not None:
        low, high = ends(score, stderr, items)
        drawn |= {"low": position(low, scale, width), "high": position(high, scale, width), "interval": (low, high)}
    if chance:
        drawn["chance"] = position(100 * chance, scale, width)
    return drawn


def ends(score: float, stderr: float, items: int) -> tuple[float, float]:
    """The 95 % interval of a task's score, or of a suite's (no items)."""
    if not items:
        return score - Z95 * stderr, score + Z95 * stderr
    found = share_interval(score / 100, stderr / 100, items)
    return 100 * float(found.low), 100 * float(found.high)


def shades(columns: Sequence[Column], fractions: Numbers) -> list[list[str]]:
    """The classes that shade the cells of tasks (tasks, rows) by where they lie in their columns: heat-0 to heat-9; ""
    for a column without scores. What a missing score (NaN) gets means nothing."""
    low = np.array([math.nan if column.low is None else column.low for column in columns])
    high = np.array([math.nan if column.high is None else column.high for column in columns])
    missing = np.maximum(0.0, LEAST_RANGE - (high - low)) / 2
    low, high = (low - missing)[:, np.newaxis], (high + missing)[:, np.newaxis]
    share = (fractions - low) / (high - low)
    upwards = np.array([column.task.higher_is_better for column in columns], dtype=np.bool_)[:, np.newaxis]
    share = np.clip(np.where(upwards, share, 1 - share), 0.0, 1.0)
    number = np.where(np.isnan(share), SHADES, np.minimum(share * SHADES, SHADES - 1)).astype(np.intp)
    return [[HEATS[one] for one in row] for row in number.tolist()]


@register.filter
def half_width(stderr: float | None) -> str:
    """Half of a suite score's 95 % interval."""
    return "" if stderr is None else f"{Z95 * stderr:.1f}"


@register.filter
def bounds(score: float, stderr: float) -> str:
    """The 95 % interval of a suite score."""
    return f"{max(0.0, score - Z95 * stderr):.1f}–{min(100.0, score + Z95 * stderr):.1f}"


@register.filter
def hundredfold(fraction: float | None) -> float | None:
    """A fraction as 0-100."""
    return None if fraction is None else 100 * fraction


@register.filter
def cell_text(cell: Mapping[str, Any], scores: str) -> str:
    """The score of a task's cell as it is printed, 0-100; the source's own with its two decimals."""
    if scores == "percentile":
        return f"{cell['percentile']:.1f}"
    return f"{cell['normalised']:.2f}" if scores == "normalised" else percent(cell["score"])
