"""Tokens, dollars and seconds of endpoints in words."""

from collections.abc import Mapping
from typing import Any

from django import template

from leaderboard.queries.submissions import AtEndpoint
from leaderboard.templatetags.parity import DASH

register = template.Library()


@register.filter
def dollars(amount: float | None) -> str:
    """A sum in US dollars, to the cent, or smaller sums to what they show: "$12.30", "$0.0042"."""
    if amount is None:
        return DASH
    if amount == 0 or amount >= 0.1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.0001 else "< $0.0001"


@register.filter
def thousands(number: int | None) -> str:
    """A whole number: "1,234,567"."""
    return DASH if number is None else f"{number:,}"


@register.filter
def span(seconds: float | None) -> str:
    """A latency: "84 ms", "2.3 s"."""
    if seconds is None:
        return DASH
    if seconds < 1:
        return f"{1000 * seconds:,.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s"


@register.filter
def spent_dollars(endpoint: AtEndpoint) -> str:
    """What was spent; a dash where nobody knows the price."""
    return DASH if endpoint.price is None and not endpoint.spent.dollars else dollars(endpoint.spent.dollars)


@register.filter
def spent_tokens(endpoint: AtEndpoint) -> int:
    """Tokens in and out together, as the budget counts them."""
    return endpoint.spent.input_tokens + endpoint.spent.output_tokens


@register.filter
def tokens_together(estimate: Mapping[str, Any]) -> int:
    return int(estimate["input_tokens"]) + int(estimate["output_tokens"])


@register.filter
def budget_share(endpoint: AtEndpoint) -> int | None:
    """Percent of the tighter budget that is used; None without one."""
    use, spent = endpoint.use, endpoint.spent
    shares = [spent_tokens(endpoint) / use.budget_tokens] if use.budget_tokens else []
    shares += [spent.dollars / use.budget_dollars] if use.budget_dollars else []
    return min(100, int(100 * max(shares))) if shares else None


@register.filter
def price_words(endpoint: AtEndpoint) -> str:
    """What a million tokens cost, and who says so."""
    price = endpoint.price
    if price is None:
        return "Nobody knows what its tokens cost."
    said = "as its owner says" if endpoint.use.input_price is not None else "as the catalogue has it"
    cached = "" if price.cached is None else f", {dollars(price.cached)} in from a cache"
    return f"A million tokens cost {dollars(price.input)} in and {dollars(price.output)} out{cached}, {said}."
