"""The part of a model's page that says how its API did."""

from collections.abc import Iterable
from typing import Any

from django import template

from leaderboard.models import Model, Revision
from leaderboard.queries.reliability import reliability as look

register = template.Library()

SHOWN = 24
BARS, WIDTH, HEIGHT = 72, 432, 44
"""Hours in the picture, and its size in px."""


@register.inclusion_tag("model/reliability.html")
def reliability(model: Model, revisions: Iterable[Revision]) -> dict[str, Any]:
    """`{% reliability model detail.revisions %}`: nothing for a model that was never asked behind an API."""
    if not any(revision.source == Revision.Source.ENDPOINT for revision in revisions):
        return {}
    found = look(model)
    hours = list(reversed(found.hours[:BARS]))
    slowest = max((one.p95_seconds or 0.0 for one in hours), default=0.0)
    step = WIDTH / BARS
    bars = [
        {
            "x": round(place * step, 2), "width": round(max(step - 1, 1), 2), "hour": one,
            "height": round(HEIGHT * (one.p95_seconds or 0.0) / slowest, 2) if slowest else 0,
            "y": round(HEIGHT - HEIGHT * (one.p95_seconds or 0.0) / slowest, 2) if slowest else HEIGHT,
            "bad": round(HEIGHT * (one.error_rate or 0.0), 2),
        }
        for place, one in enumerate(hours)
    ]  # fmt: skip
    return {
        "model": model, "total": found.total, "hours": found.hours[:SHOWN], "more": len(found.hours) > SHOWN,
        "bars": bars, "slowest": slowest, "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip
