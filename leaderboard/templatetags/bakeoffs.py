"""The bake-offs of a workload, as its page lists them."""

from typing import Any

from django import template

from leaderboard.models import WorkloadVersion
from leaderboard.queries.bakeoffs import LISTED, bakeoffs

register = template.Library()


@register.inclusion_tag("bakeoffs/list.html")
def bakeoffs_of(version: WorkloadVersion) -> dict[str, Any]:
    """Its owner's newest, of any version, and the way to a new one of this version."""
    listed = bakeoffs(version.workload.owner, version.workload_id).order_by("-pk")[:LISTED]
    return {"version": version, "listed": listed}
