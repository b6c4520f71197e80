"""A model among others of its size: percentiles in words and as a small bar."""

from typing import Any

from django import template

from leaderboard.statistics.standing_out import LEAST_APART, LEAST_OTHERS, LEAST_TASKS, Place

register = template.Library()

BAR = 64
"""px: the whole of the others."""
ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@register.filter
def ordinal(percentile: float) -> str:
    """ "1st", "12th", "83rd"; never the 100th of others that are not all behind."""
    whole = min(99, max(1, round(percentile))) if 0 < percentile < 100 else round(percentile)
    ending = "th" if whole % 100 in (11, 12, 13) else ENDINGS.get(whole % 10, "th")
    return f"{whole}{ending}"


@register.inclusion_tag("model/place.html")
def place_bar(place: Place) -> dict[str, Any]:
    """Where a score stands among the others, with the range that its own interval leaves open."""

    def x(value: float) -> float:
        return round(value / 100 * BAR, 1)

    drawn: dict[str, Any] = {"place": place, "width": BAR, "x": x(place.percentile)}
    if place.low is not None and place.high is not None:
        drawn |= {"low": x(place.low), "range": max(1.0, x(place.high) - x(place.low))}
    return drawn


@register.filter
def apart(points: float) -> str:
    """How far a percentile is from the usual one: "31 above", "4 below"."""
    return f"{abs(points):.0f} {'above' if points > 0 else 'below'}"


@register.simple_tag
def least_others() -> int:
    return LEAST_OTHERS


@register.simple_tag
def least_tasks() -> int:
    return LEAST_TASKS


@register.simple_tag
def least_apart() -> str:
    return f"{LEAST_APART:g}"


@register.filter
def class_words(size_class: str) -> str:
    """ "4-10 B" with a dash between numbers."""
    return size_class.replace("-", "–")
