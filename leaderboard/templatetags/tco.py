"""Costs in words."""

import json
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder

from leaderboard.queries.assumptions import Assumptions
from leaderboard.queries.tco import OWN, Offer, Tco
from leaderboard.statistics.cost import Varied
from leaderboard.templatetags.parity import DASH

register = template.Library()

STEPS = {
    "full": ("Every GPU always full", "the price of its hour over what it answers in one"),
    "room": ("Room in the busiest hour", "a full machine lets people wait"),
    "curve": ("Quiet hours", "machines that are there for the busiest one"),
    "whole": ("Whole replicas", "nobody rents half of one"),
    "spare": ("Spare replicas", "for one that fails"),
    "staff": ("People", "their hours a month"),
    "other": ("Everything else", "as typed"),
}

ASSUMPTIONS = {
    "requests": ("Requests", "{}"),
    "price": ("Price of a GPU", "${} an hour"),
    "throughput": ("Throughput of a replica", "{} tokens/s"),
    "utilisation": ("Used in the busiest hour", "{} %"),
    "spare": ("Spare replicas", "{}"),
    "staff": ("People", "${} a month"),
    "other": ("Everything else", "${} a month"),
}


@register.filter
def assumption_name(field: str) -> str:
    return ASSUMPTIONS[field][0]


@register.filter
def low_end(one: Varied) -> str:
    return end(one.field, one.low)


@register.filter
def high_end(one: Varied) -> str:
    return end(one.field, one.high)


def end(field: str, value: float) -> str:
    return ASSUMPTIONS[field][1].format(number(100 * value if field == "utilisation" else value))


@register.filter
def step_name(name: str) -> str:
    return STEPS[name][0]


@register.filter
def step_why(name: str) -> str:
    return STEPS[name][1]


@register.filter
def whole_percent(share: float) -> str:
    return f"{100 * share:.0f}"


@register.filter
def whole_dollars(amount: float | None) -> str:
    """A sum of a month: "$12,300", small ones with cents."""
    if amount is None:
        return DASH
    return f"${amount:,.0f}" if amount >= 100 or amount == 0 else f"${amount:,.2f}"


@register.filter
def price(amount: float | None) -> str:
    """A price of a million tokens with three digits that count: "$0.278", "$12.3", "$1,230"."""
    if amount is None:
        return DASH
    if amount == 0 or amount >= 1_000:
        return f"${amount:,.0f}"
    return f"${float(f'{amount:.3g}'):.10f}".rstrip("0").rstrip(".") if amount < 0.01 else f"${amount:#.3g}".rstrip(".")


@register.filter
def volume(requests: float) -> str:
    """A number of requests with three digits that count: "1.83 million"."""
    for limit, unit in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if requests >= 0.9995 * limit:
            return f"{requests / limit:.3g} {unit}"
    return f"{float(f'{requests:.3g}'):,.0f}"


@register.filter
def against(offer: Offer) -> str:
    """What self-hosting costs beside an API, at the volume asked for; only where both were computed."""
    if offer.difference is None:
        return ""
    if abs(offer.difference) < 0.005:
        return "the same"
    return f"{whole_dollars(abs(offer.difference))} {'more' if offer.difference > 0 else 'less'}"


@register.simple_tag
def reached(found: Tco, offer: Offer) -> str:
    """From which volume on self-hosting costs less."""
    even = offer.break_even
    if found.plan is None:
        return ""
    if even is None:
        return "At no volume: one more GPU costs more than its tokens do there."
    first, always = volume(even.first / found.plan.each), volume(even.always / found.plan.each)
    if not even.exact:
        return f"At the latest from {always} requests a month on."
    if first == always:
        return f"From {always} requests a month on."
    return f"First at {first} requests a month; from {always} on with any number of GPUs."


@register.filter
def offer_name(offer: Offer) -> str:
    return "Your own price" if offer.name == OWN else offer.name


@register.simple_tag
def changed(asked: Assumptions, **values: float) -> str:
    """The query string with some numbers changed."""
    return asked.query(**values)


@register.filter
def number(value: float) -> str:
    """As it is typed, for people: "1,000,000", "0.5"."""
    return f"{value:,.0f}" if value == int(value) or value >= 10_000 else f"{value:,.4g}"


@register.filter
def as_json(value: Any) -> str:
    """For an attribute, which escapes it."""
    return json.dumps(value, cls=DjangoJSONEncoder)
