"""Endpoints: who may use which addresses, whose models answer where, and what those cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings as site

from evaluator.addresses import NOBODY, Allowed
from evaluator.contract import Price, SuiteSpec, TaskSpec
from leaderboard.models import Endpoint, EndpointUse, Job, Model, Owner, ProviderOrigin

LIKELIHOODS = frozenset(
    {
        "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "acc_all", "acc_bytes_norm", "brier_score", "bits_per_byte",
        "byte_perplexity", "perplexity", "word_perplexity", "mc1", "mc2", "likelihood_diff", "pct_stereotype",
    }
)  # fmt: skip
"""lm-eval's metrics of multiple choice and of perplexity: both are made of log-likelihoods."""
GENERATED = frozenset({"acc"})
"""Of those, the ones that some tasks also give generated text. With a filter that reads an answer, they do."""
LIKELY_PROTOCOL = "openai-completions"
"""The only one in which a prompt's own log-probabilities can be asked for (`echo`)."""


def of_likelihoods(task: TaskSpec) -> bool:
    """Whether a task compares log-likelihoods, by its metric; a filter that reads an answer out of a text says no."""
    return task.metric in LIKELIHOODS and (task.filter == "none" or task.metric not in GENERATED)


def likelihood_tasks(suite: SuiteSpec) -> list[str]:
    """The titles of a suite's tasks that compare log-likelihoods."""
    return [task.title for task in suite.tasks if of_likelihoods(task)]


def allowed_entries(owner: Owner) -> tuple[str, ...]:
    """The private addresses of PARITY_ENDPOINT_ALLOW that this owner's endpoints may be at (PARITY_ENDPOINT_USERS)."""
    named = {"*", owner.name} & set(site.ENDPOINT_USERS)
    return tuple(site.ENDPOINT_ENTRIES) if named or (owner.user and owner.user.is_staff) else ()


def allowed(owner: Owner) -> Allowed:
    """The same, to check an address with."""
    entries = allowed_entries(owner)
    return Allowed.parse(",".join(entries)) if entries else NOBODY


@dataclass(frozen=True)
class Whose:
    """Whose model an endpoint is: its name in the catalogue, and whether the staff vouches for that.

    An unverified one is named after the address it answers at, so that nobody's proxy reads like a provider's model.
    """

    name: str
    verified: bool
    model: Model | None


def whose(origin: str, served: str) -> Whose:
    """Whose model is `served` at `origin`, by the staff's word."""
    known = ProviderOrigin.objects.filter(origin=origin, served__in=[served, ""]).select_related("model")
    said = known.order_by("-served").first()
    if said is None:
        return Whose(unverified_name(origin, served), False, None)
    if said.model is not None:
        return Whose(said.model.name, True, said.model)
    name = f"{said.provider}/{plain(served)}"
    return Whose(name, True, Model.objects.filter(name=name).first())


def unverified_name(origin: str, served: str) -> str:
    """Host and port, always both: no name on the Hub has a colon."""
    parts = urlsplit(origin)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}/{plain(served)}"


def plain(served: str) -> str:
    """A served name as the second half of a model's name, which has no further slash."""
    return served.removeprefix("models/").replace("/", ":")


def vouched(pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of these (origin, served), those that the staff vouches for."""
    known = set(
        ProviderOrigin.objects.filter(origin__in={origin for origin, _ in pairs}).values_list("origin", "served")
    )
    return {(origin, served) for origin, served in pairs if {(origin, served), (origin, "")} & known}


def price_of(use: EndpointUse, model: Model | None) -> Price | None:
    """What its tokens cost: as its owner says, else as the catalogue has it today, else nobody knows."""
    if use.input_price is not None and use.output_price is not None:
        return Price(input=use.input_price, output=use.output_price, cached=use.cached_price)
    return None if model is None else catalogue_price(model)


def catalogue_price(model: Model) -> Price | None:
    """Today's price of the catalogue."""
    if model.input_price is None or model.output_price is None:
        return None
    newest = model.prices.filter(replaced_at=None, input_price=model.input_price).order_by("-starts_on").first()
    cached = newest.detail.get("cache_read_mtok") if newest else None
    plain_cached = float(cached) if isinstance(cached, str) else None
    return Price(input=float(model.input_price), output=float(model.output_price), cached=plain_cached)


@dataclass(frozen=True)
class Left:
    """What may still be used; None: no limit."""

    tokens: int | None
    dollars: float | None


def operators_left(endpoint: Endpoint, *, without: Job | None = None) -> Left:
    """What is left of an operated endpoint's budget, not counting what `without` used; without limits for any other."""
    if not endpoint.operated:
        return Left(None, None)
    jobs = Job.everything.filter(submission__use__endpoint=endpoint).order_by("submission_id", "-id")
    newest = jobs.distinct("submission_id")  # it goes on counting where the preflight stopped
    rows = [job.spent for job in newest if without is None or job.submission_id != without.submission_id]
    tokens = sum(int(row.get("input_tokens", 0)) + int(row.get("output_tokens", 0)) for row in rows)
    dollars = sum(float(row.get("dollars", 0.0)) for row in rows)
    return Left(
        None if endpoint.budget_tokens is None else max(0, endpoint.budget_tokens - tokens),
        None if endpoint.budget_dollars is None else max(0.0, endpoint.budget_dollars - dollars),
    )


def least(*limits: float | None) -> float | None:
    """The tightest of these limits; None for none."""
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None
