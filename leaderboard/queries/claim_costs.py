"""What self-hosting saves against an API, for a claim: the calculator's numbers over a range of GPU prices."""

from dataclasses import dataclass

import numpy as np

from leaderboard.claims.terms import Cheaper, Group
from leaderboard.models import Model
from leaderboard.queries.claim_rows import NotThere, Place, place_of
from leaderboard.queries.endpoints import catalogue_price
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.history import speeds_of
from leaderboard.queries.tco import Tco, tco
from leaderboard.statistics.claims import Outcome, at_least


@dataclass(frozen=True)
class Saving:
    """Percent of the API's cost that self-hosting saves, from the dearest GPU hour to the cheapest."""

    host: str
    host_key: str
    api: str
    api_key: str
    low: float
    high: float
    outcome: Outcome
    why: str


def cheaper(terms: Cheaper) -> Saving:
    """Raises NotThere."""
    place = place_of(terms.suite) if not (terms.model and terms.api) else None
    host, host_key = (terms.model, "") if terms.model else best_hosted(place, terms.hardware)
    api, api_key = (terms.api, "") if terms.api else best_priced(place)
    speed = throughput(host, terms.hardware)
    saved = [saving(terms, host, api, speed, price) for price in (terms.price_high, terms.price_low)]
    low, high = min(saved), max(saved)
    outcome = at_least(low, high, terms.least)
    why = {
        Outcome.SUPPORTED: f"It saves at least {terms.least:g} % at every price of the range.",
        Outcome.REFUTED: f"It saves less than {terms.least:g} % at every price of the range.",
        Outcome.NOT_YET: "It depends on the price of a GPU hour.",
    }[outcome]
    if outcome == Outcome.SUPPORTED and low > terms.most:
        why = f"It saves more than was claimed, over {terms.most:g} % at every price of the range."
    return Saving(host, host_key, api, api_key, low, high, outcome, why)


def by_score(place: Place | None, kind: str) -> list[tuple[str, str]]:
    """(model, s12) of a kind, the best first, each model once."""
    if place is None:
        return []
    at = np.flatnonzero(place.members(Group(kind=kind)))  # type: ignore[arg-type]  # one of its two kinds
    order = at[np.argsort(-place.data.number("score")[at], kind="stable")]
    keys = place.data.number("submission")[order].astype(int).tolist()
    found: dict[str, str] = {}
    for name, key in zip(place.data.table["model"].take(order).to_pylist(), keys, strict=True):
        found.setdefault(name, f"s{key}")
    return list(found.items())


LOOKED_AT = 20
"""Of each side's best models, for one whose speed, or price, is known."""


def best_hosted(place: Place | None, hardware: str) -> tuple[str, str]:
    """The best open-weights model whose throughput was measured on such hardware."""
    for name, key in by_score(place, "open")[:LOOKED_AT]:
        model = Model.objects.filter(name=name).first()
        if model and any(one.tokens and hardware.lower() in one.hardware.lower() for one in speeds_of(model)):
            return name, key
    raise NotThere(f"The throughput of none of the best open-weights models was measured on {hardware}.")


def best_priced(place: Place | None) -> tuple[str, str]:
    for name, key in by_score(place, "proprietary")[:LOOKED_AT]:
        model = Model.objects.filter(name=name).first()
        if model and catalogue_price(model):
            return name, key
    raise NotThere("No proprietary model that was measured here has a price in the catalogue.")


def throughput(name: str, hardware: str) -> float:
    """Tokens a second of the newest runs on such hardware; raises NotThere."""
    model = Model.objects.filter(name=name).first()
    for one in speeds_of(model) if model else []:
        if one.tokens and hardware.lower() in one.hardware.lower():
            return one.tokens
    raise NotThere(f"The throughput of {name} was not measured on {hardware}.")


def saving(terms: Cheaper, host: str, api: str, speed: float, price: float) -> float:
    """Percent; raises NotThere."""
    asked = {"model": [host], "api": [api], "price": [f"{price:g}"], "throughput": [f"{speed:.6g}"],
             "requests": [f"{terms.requests:.0f}"]}  # fmt: skip
    try:
        found: Tco = tco(asked)
    except BadQuery as error:
        raise NotThere(error.message) from error
    if found.hosting is None or not found.offers or found.offers[0].month <= 0:
        raise NotThere(f"The cost of {host} or of {api} is not known.")
    return 100 * (1 - found.hosting.total / found.offers[0].month)
