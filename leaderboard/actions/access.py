"""What a person says of an endpoint, checked: address, key, budget, how it is asked. Each refusal has its reason."""

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

from evaluator.addresses import AddressRefused, Allowed, check_url
from evaluator.contract import Price, Protocol, Sampling, SuiteSpec
from leaderboard.actions.errors import Refused
from leaderboard.actions.keys import origin_of
from leaderboard.queries.endpoints import LIKELY_PROTOCOL, likelihood_tasks

PROTOCOLS: tuple[str, ...] = typing.get_args(Protocol)
PATHS = ("/chat/completions", "/completions", "/responses", "/messages")
"""What protocols add to the base URL; people paste it along."""
HEADERS = frozenset(
    {
        "anthropic-beta", "anthropic-version", "http-referer", "openai-organization", "openai-project",
        "x-goog-user-project", "x-title",
    }
)  # fmt: skip
"""Request headers that may be added: they say whose account and which version, and hold no secrets."""
SERVED = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._:/@+-]{0,119}")
KEY = re.compile(r"[!-~]{1,1000}")
HEADER_VALUE = re.compile(r"[ -~]{1,200}")
URL_LIMIT, MOST_AT_ONCE, DEAREST, MOST_TOKENS, MOST_DOLLARS = 400, 256, 100_000.0, 10**12, 10**7


@dataclass(frozen=True)
class Access:
    """An endpoint as it is asked for. The key appears in no text that is made of this."""

    base_url: str
    protocol: str
    model: str
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)
    concurrency: int = 8
    price: Price | None = None
    budget_tokens: int | None = None
    budget_dollars: float | None = None
    hold: bool = False
    origin: str = ""
    """Of a checked one."""


def refuse(code: str, message: str, name: str) -> Refused:
    """The refusal of one field of the endpoint."""
    return Refused(code, message, field=f"endpoint.{name}")


def checked(access: Access, allowed: Allowed) -> Access:
    """The same in its one plain spelling, with its origin; raises Refused for the first thing that is wrong."""
    key = access.api_key.strip()
    if key and not KEY.fullmatch(key):
        raise refuse("bad_key", "An API key has up to 1,000 visible ASCII characters and no spaces.", "api_key")
    base_url, origin = checked_url(access.base_url.strip(), allowed)
    if access.protocol not in PROTOCOLS:
        raise refuse("bad_protocol", f"The protocol is one of {', '.join(PROTOCOLS)}.", "protocol")
    model = access.model.strip()
    if not SERVED.fullmatch(model):
        raise refuse(
            "bad_model",
            "The model's name at the endpoint has up to 120 letters, digits and . _ : / @ + -, such as gpt-4o.",
            "model",
        )
    if len(key) > 8 and (key in base_url or key in model):
        raise refuse("key_shown", "The API key stands in the address or the name, where others see it.", "base_url")
    headers = checked_headers(access.headers, key)
    check_sampling(access.sampling)
    check_limits(access, private=allowed.origin(*host_of(base_url, allowed)))
    return replace(access, base_url=base_url, origin=origin, model=model, api_key=key, headers=headers)


def checked_url(text: str, allowed: Allowed) -> tuple[str, str]:
    """The base URL without a final slash, and its origin. Its form and a numeric host are judged here; what a name
    resolves to, the preflight finds out."""
    if "?" in text or "#" in text:
        raise refuse(
            "bad_url", "The base URL ends before any ? or #. A key belongs into its own field, not into an address.",
            "base_url",
        )  # fmt: skip
    try:
        target = check_url(text, allowed)
    except AddressRefused as error:
        raise refuse(error.code, error.message, "base_url") from error
    url = target.url.rstrip("/")
    if len(url) > URL_LIMIT:
        raise refuse("bad_url", f"The base URL has more than {URL_LIMIT} characters.", "base_url")
    known = next((path for path in PATHS if url.endswith(path)), None)
    if known:
        raise refuse("bad_url", f"The base URL ends before {known}, which the protocol adds.", "base_url")
    return url, origin_of(target)


def host_of(url: str, allowed: Allowed) -> tuple[str, int]:
    target = check_url(url, allowed)
    return target.host, target.port


def checked_headers(headers: Mapping[str, str], key: str) -> dict[str, str]:
    """Lower-case names; raises Refused for a name that is not on the list, or a value that is none."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        if name.lower() not in HEADERS:
            raise refuse("bad_header", f"Only these headers may be added: {', '.join(sorted(HEADERS))}.", "headers")
        if not HEADER_VALUE.fullmatch(value):
            raise refuse("bad_header", f"{name.lower()} needs a value of up to 200 plain characters.", "headers")
        if len(key) > 8 and key in value:
            raise refuse("key_shown", f"The API key stands in {name.lower()}, which is no secret.", "headers")
        found[name.lower()] = value
    return found


def check_sampling(sampling: Sampling) -> None:
    """What the contract's types leave open."""
    heat, top_p = sampling.temperature, sampling.top_p
    if heat is not None and not 0 <= heat <= 2:
        raise refuse("bad_sampling", "The temperature is from 0 to 2, or left to the model.", "sampling.temperature")
    if top_p is not None and not 0 < top_p <= 1:
        raise refuse("bad_sampling", "top_p is above 0 and at most 1.", "sampling.top_p")
    if sampling.passes > 1 and heat == 0:
        raise refuse(
            "bad_sampling", "At temperature 0 every pass would say the same: ask once, or set a temperature.",
            "sampling.passes",
        )  # fmt: skip
    thinking, most = sampling.thinking_tokens, sampling.max_tokens
    if thinking and most is not None and thinking >= most:
        raise refuse(
            "bad_sampling", "The tokens for thinking are part of an answer's: there must be some left to say it.",
            "sampling.thinking_tokens",
        )  # fmt: skip


def check_limits(access: Access, *, private: bool) -> None:
    """Concurrency, price and budget. Where money may be spent, something must bound it."""
    if not 1 <= access.concurrency <= MOST_AT_ONCE:
        raise refuse("bad_concurrency", f"Requests at once are from 1 to {MOST_AT_ONCE}.", "concurrency")
    price = access.price
    prices = [] if price is None else [price.input, price.output, *([] if price.cached is None else [price.cached])]
    if not all(isfinite(one) and 0 <= one <= DEAREST for one in prices):
        raise refuse("bad_price", f"Prices are US dollars for a million tokens, 0 to {DEAREST:,.0f}.", "price")
    if access.budget_tokens is not None and not 1 <= access.budget_tokens <= MOST_TOKENS:
        raise refuse("bad_budget", f"A budget has 1 to {MOST_TOKENS:,} tokens.", "budget_tokens")
    dollars = access.budget_dollars
    if dollars is not None and not (isfinite(dollars) and 0 < dollars <= MOST_DOLLARS):
        raise refuse("bad_budget", f"A budget is above $0 and at most ${MOST_DOLLARS:,}.", "budget_dollars")
    if access.budget_tokens is None and dollars is None and not private:
        raise refuse(
            "no_budget", "Say what may be spent at most, in tokens, dollars or both: nothing is asked without a bound.",
            "budget_dollars",
        )  # fmt: skip


def thinks(sampling: Sampling) -> bool:
    return sampling.reasoning_effort not in (None, "none") or bool(sampling.thinking_tokens)


def check_suite(suite: SuiteSpec, access: Access) -> None:
    """Raise Refused where this protocol or these settings can never answer the suite's tasks."""
    likely = likelihood_tasks(suite)
    if not likely:
        return
    titles = ", ".join(likely[:5]) + (" and others" if len(likely) > 5 else "")
    if access.protocol != LIKELY_PROTOCOL:
        raise Refused(
            "no_likelihoods",
            f"{titles} compare log-likelihoods of given answers, which {access.protocol} cannot tell. Choose a suite "
            f"of generated answers, or an endpoint of the protocol {LIKELY_PROTOCOL} that supports echo.",
            field="suite",
        )
    if thinks(access.sampling):
        raise Refused(
            "thinking_likelihoods",
            f"{titles} compare log-likelihoods, which say nothing of a model that thinks first. Turn thinking off, or "
            "choose a suite of generated answers.",
            field="suite",
        )
