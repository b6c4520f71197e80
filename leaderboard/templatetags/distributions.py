"""Distributions as SVG: numbers in, coordinates out. Shape and place carry the meaning, colour none of it."""

from typing import Any, NamedTuple

from django import template

from leaderboard.queries.spread import Spread
from leaderboard.statistics.shares import TENTHS, stacks
from leaderboard.templatetags.charts import MARGIN, PERCENT, position, ticks

register = template.Library()

STEPS = 50
"""Of a strip: 2 points each."""
STACK = 34
DOT = 4.4
BAR, GAP, LEFT, TOP, HIGH, APART = 34, 4, 14, 46, 120, 24
"""Of the histogram: widths of a bar and between bars, the first bar's place, the highest one's place and
height, and how far the ends stand apart."""


class Bar(NamedTuple):
    x: float
    y: float
    height: float
    middle: float
    above: float
    number: int
    label: str
    end: bool


@register.inclusion_tag("charts/strip.html")
def strip(spread: Spread, *, chance: bool = True, width: int = 420) -> dict[str, Any]:
    """A task's scores as dots in columns of 2 points; the box below them holds the middle half of the models."""
    base = STACK + 4
    counts = stacks(spread.scores, STEPS).tolist()
    step = min(DOT, STACK / max(1, *counts))
    path = []
    for place, count in enumerate(counts):
        x = position(100 * place / STEPS, PERCENT, width)
        if count and step == DOT:
            path += [f"M{x} {base - DOT * (above + 0.5):.1f}h0" for above in range(count)]
        elif count:  # too many for dots: columns as high as their number
            path.append(f"M{x} {base - DOT / 2:.1f}V{base - max(step * count, DOT) + DOT / 2:.1f}")
    drawn: dict[str, Any] = {
        "spread": spread, "width": width, "height": base + 14, "base": base, "dots": "".join(path),
        "ticks": ticks(PERCENT, width), "box": base + 3, "middle": base + 7, "dot": DOT - 0.4,
    }  # fmt: skip
    if spread.quartiles:
        drawn["at"] = [position(100 * value, PERCENT, width) for value in spread.quartiles]
        drawn["first"], drawn["boxed"] = drawn["at"][1], round(max(1.0, drawn["at"][3] - drawn["at"][1]), 1)
    if chance and spread.task.baseline:
        drawn["chance"] = position(100 * spread.task.baseline, PERCENT, width)
    return drawn


@register.inclusion_tag("charts/histogram.html")
def histogram(counts: list[int], models: int, name: str = "") -> dict[str, Any]:
    """Items by the share of models that solve them; the ends, nobody and everybody, stand apart and are hatched.

    `name` keeps the pattern's id apart from those of other histograms on the page.
    """
    most = max(1, *counts)
    bars = []
    for place, count in enumerate(counts):
        end = place in (0, TENTHS + 1)
        x = LEFT + place * (BAR + GAP) + (APART if place else 0) + (APART if place > TENTHS else 0)
        height = round(HIGH * count / most, 1)
        top = TOP + HIGH - height
        bars.append(Bar(x, top, height, x + BAR / 2, top - 5, count, str(10 * (place - 1)), end))
    width = LEFT + (TENTHS + 2) * (BAR + GAP) + 2 * APART + MARGIN
    edges = [(bar.x - GAP / 2, bar.label) for bar in bars[1:-1]] + [(bars[-2].x + BAR + GAP / 2, "100")]
    return {
        "bars": bars, "edges": edges, "width": width, "height": TOP + HIGH + 46, "base": TOP + HIGH, "models": models,
        "centre": width / 2, "id": name,
    }  # fmt: skip


@register.filter
def tenth(place: int) -> str:
    """What column `place` of 12 holds: "nobody", "20 to below 30 %"; the share of the models."""
    if place in (0, TENTHS + 1):
        return "everybody" if place else "nobody"
    low = 10 * (place - 1)
    return f"{'above 0' if low == 0 else low} to below {low + 10} %"


@register.filter
def signed(correlation: float) -> str:
    """Two decimals, with a minus sign that is as wide as a plus."""
    return f"{correlation:.2f}".replace("-", "−")


@register.filter
def saturated(spread: Spread) -> str:
    """Whether the task is used up, in a sentence."""
    if not spread.top:
        return "Its results have no standard errors, so nobody can say."
    best = f"the best {spread.top} models" if spread.top > 1 else "the only model with a standard error"
    if not spread.reaching:
        return (
            f"No: {'none of ' if spread.top > 1 else ''}{best} {'reaches' if spread.top > 1 else 'does not reach'} 100."
        )
    verdict = "Yes" if spread.used_up == 1 else "Nearly" if spread.used_up >= 0.5 else "In part"
    of = f"{spread.reaching} of {best} reach" if spread.top > 1 else f"{best} reaches"
    return f"{verdict}: {of} 100 within the 95 % interval."
