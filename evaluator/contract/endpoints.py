"""The part of the wire that is about models behind APIs."""

from typing import Annotated, Literal

import msgspec

from evaluator.contract.base import Count, Wire

Protocol = Literal["openai-chat", "openai-completions", "openai-responses", "anthropic-messages"]


class Sampling(Wire, frozen=True, omit_defaults=True):
    """How an endpoint is asked to generate. None: the parameter is not sent, the model's own default holds.

    `passes`: how often each item is asked; more than one only where the answer is not greedy.
    """

    temperature: float | None = 0.0
    top_p: float | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    """The most for one answer, thinking included; None: what the task says."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    thinking_tokens: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    stop: bool = True
    """False: stop sequences are not sent (reasoning models refuse them) but applied to what came back."""
    passes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class Price(Wire, frozen=True, omit_defaults=True):
    """US dollars for a million tokens. None: as `input` for cached ones; as `output` for reasoning ones."""

    input: float
    output: float
    cached: float | None = None


LATENCY_BOUNDS = tuple(round(0.01 * 1.25**step, 6) for step in range(50))
"""Seconds, from 0.01 to about 560: quantiles read from counts between them are off by a tenth at most."""


class Spent(Wire, frozen=True, omit_defaults=True):
    """What an endpoint was asked and what that cost so far, over all attempts of a job.

    `unknown`: requests whose outcome nobody knows (the connection broke after they were sent); they count against the
    budget with the most that they can have cost, which is in `dollars` and in the tokens. `errors`: by kind, as 429,
    500, timeout. Seconds are quantiles over the answers so far. `latency` counts those answers: [i] took at most
    LATENCY_BOUNDS[i] seconds and more than the bound before it, the last of its 51 numbers took longer than all.
    """

    requests: Count = 0
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    output_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    cached_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    reasoning_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    dollars: Annotated[float, msgspec.Meta(ge=0, le=1e12)] = 0.0
    unknown: Count = 0
    replayed: Count = 0
    errors: Annotated[dict[str, Count], msgspec.Meta(max_length=100)] = {}
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    p50_first_token_seconds: float | None = None
    latency: Annotated[tuple[Count, ...], msgspec.Meta(max_length=len(LATENCY_BOUNDS) + 1)] = ()


class EndpointSpec(Wire, frozen=True, omit_defaults=True):
    """The endpoint of a claimed job. `api_key` is secret: it goes to the gateway and nowhere else.

    `allowed`: private networks, hosts or host:port that the site lets this owner reach. `budget_tokens` and
    `budget_dollars` count from the submission's first request; `spent` is what earlier attempts used. `preflight`:
    nothing is evaluated, the endpoint is only looked at.
    """

    base_url: str
    protocol: Protocol
    model: str
    api_key: str = ""
    headers: dict[str, str] = {}
    sampling: Sampling = Sampling()
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 8
    price: Price | None = None
    budget_tokens: int | None = None
    budget_dollars: float | None = None
    spent: Spent = Spent()
    allowed: tuple[str, ...] = ()
    preflight: bool = False


class Check(Wire, frozen=True, omit_defaults=True):
    """One thing that a preflight looked at, in words: "system role", "accepted"."""

    name: Annotated[str, msgspec.Meta(max_length=100)]
    ok: bool
    detail: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class Preflight(Wire, frozen=True, omit_defaults=True):
    """What a worker found at an endpoint that answers; one that does not ends in a Failure of kind "model".

    `fingerprint` is equal for equal models behind one name. `echo`: a prompt's own log-probabilities are really told.
    `seconds`: what one answer took.
    """

    attempt: Count
    fingerprint: Annotated[str, msgspec.Meta(max_length=200)]
    echo: bool = False
    context_length: Count | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    checks: Annotated[tuple[Check, ...], msgspec.Meta(max_length=100)] = ()
    spent: Spent | None = None
