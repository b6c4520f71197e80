"""Endpoints of the site's own: the operator's key and budget, which stay, and evaluations that use them."""

from django.db import transaction

from evaluator.contract import Price, Sampling
from leaderboard.actions.access import Access, checked, refuse
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.keys import sealed
from leaderboard.actions.submit_endpoint import submit_endpoint
from leaderboard.models import Audit, Endpoint, Submission, Suite, User
from leaderboard.queries.endpoints import allowed, operators_left


@transaction.atomic
def register_endpoint(*, by: User, access: Access) -> Endpoint:
    """Keep an endpoint with its key; its budget is for everything that is ever asked there. Registered again, it gets
    the new key and budget. Raises Refused."""
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff registers endpoints.")
    access = checked(access, allowed(by.owner))
    endpoint, _ = Endpoint.objects.update_or_create(
        owner=by.owner,
        base_url=access.base_url,
        protocol=access.protocol,
        served=access.model,
        defaults={
            "origin": access.origin,
            "operated": True,
            "sealed_key": sealed(access.api_key, owner=by.owner.pk, origin=access.origin),
            "budget_tokens": access.budget_tokens,
            "budget_dollars": access.budget_dollars,
        },
    )
    budget = f"{access.budget_tokens or 'any'} tokens, {access.budget_dollars or 'any'} dollars"
    Audit.objects.create(actor=str(by), action="endpoint registered", subject=str(endpoint)[:200], reason=budget)
    return endpoint


@transaction.atomic
def evaluate_endpoint(
    *,
    endpoint: int,
    suite: str | Suite,
    by: User,
    sampling: Sampling | None = None,
    concurrency: int = 8,
    price: Price | None = None,
    budget_tokens: int | None = None,
    budget_dollars: float | None = None,
) -> Submission:
    """Submit a registered endpoint with the operator's key, within what is left of its budget. Raises what
    `submit_endpoint` raises, and Refused when nothing is left."""
    row = Endpoint.objects.select_related("owner__user").filter(pk=endpoint, operated=True).first()
    if row is None or row.owner.user is None:
        raise NotFound("unknown_endpoint", f"There is no registered endpoint {endpoint}.")
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff spends the operator's budget.")
    left = operators_left(row)
    if left.tokens == 0 or left.dollars == 0:
        raise refuse("no_budget", f"The budget of {row} is used up; register it again with a higher one.", "budget")
    access = Access(
        base_url=row.base_url,
        protocol=row.protocol,
        model=row.served,
        sampling=sampling or Sampling(),
        concurrency=concurrency,
        price=price,
        budget_tokens=budget_tokens if budget_tokens is not None else left.tokens,
        budget_dollars=budget_dollars if budget_dollars is not None else left.dollars,
    )
    return submit_endpoint(owner=row.owner, submitter=by, suite=suite, access=access)
