"""Evidence of claims in words."""

import json
from typing import Any

from django import template

from leaderboard.claims.terms import BadTerms, read, written
from leaderboard.models import Claim
from leaderboard.queries.claims import Evidence
from leaderboard.templatetags.comparing import signed
from leaderboard.templatetags.parity import visible

register = template.Library()


@register.filter
def found_words(one: Evidence) -> str:
    """The number that was found: "+1.2 points", "131,072 tokens"; a dash where there is but a range."""
    if one.value is None:
        return "–"
    if one.unit == "points":
        return f"{signed(one.value)} points"
    return f"{one.value:,.0f} {one.unit}" if one.value else "none"


@register.filter
def range_words(one: Evidence) -> str:
    """ "−0.3 to +2.1", "61.2 to 74.9 %"."""
    if one.low is None or one.high is None:
        return "–"
    if one.unit == "points":
        return f"{signed(one.low)} to {signed(one.high)}"
    return f"{one.low:.1f} to {one.high:.1f} {one.unit}".replace("-", "−")


@register.filter
def keys(one: Evidence) -> list[int]:
    """The numbers of the submissions behind it."""
    return [int(key[1:]) for key in (one.first, one.second) if key.startswith("s")]


@register.filter
def stated_words(one: Claim) -> str:
    """ "stated 12 Nov 2026 by root"."""
    by = f" by {visible(one.stated_by.get_username())}" if one.stated_by else ""
    return f"stated {one.created_at:%-d %b %Y}{by}"


@register.filter
def terms_text(terms: Any) -> str:
    """Terms as JSON to read: the test first, and without what it leaves open."""
    try:
        terms = filled(written(read(terms)))
    except BadTerms:
        pass  # of another edition: as they are
    return json.dumps(terms, indent=1, ensure_ascii=True)


def filled(value: Any) -> Any:
    """JSON values without members that are empty or null."""
    if isinstance(value, list):
        return [filled(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: filled(one) for name, one in value.items() if one not in (None, "")}
