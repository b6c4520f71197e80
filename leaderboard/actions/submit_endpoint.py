"""Accept a submission of a model behind an API, and have a worker look at it before anything is spent."""

import msgspec
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from evaluator.contract import SuiteSpec
from leaderboard import run_settings
from leaderboard.actions import preflight, quota
from leaderboard.actions.access import Access, check_suite, checked, refuse
from leaderboard.actions.errors import Conflict
from leaderboard.actions.keys import sealed
from leaderboard.actions.submit import duplicate, released_suite
from leaderboard.models import Endpoint, EndpointUse, Event, Owner, Submission, Suite, User
from leaderboard.models.submissions import LIVE
from leaderboard.queries.endpoints import allowed, catalogue_price, whose


@transaction.atomic
def submit_endpoint(
    *, owner: Owner, submitter: User, suite: str | Suite, access: Access, retry_of: Submission | None = None
) -> Submission:
    """Accept the model that answers as `access` says for `suite`, and ring a worker that looks at it.

    Raises Refused (what is wrong with which field), NotFound (no such suite), Conflict (the same is already under way),
    TooMany (a quota is used up).
    """
    access = checked(access, allowed(owner))
    released = suite if isinstance(suite, Suite) else released_suite(suite)
    check_suite(msgspec.convert(released.definition, SuiteSpec), access)
    identity = whose(access.origin, access.model)
    known = access.price or (catalogue_price(identity.model) if identity.model else None)
    if access.budget_dollars is not None and known is None:
        message = "Nobody knows what this model costs: give its price too, or a budget in tokens alone."
        raise refuse("no_price", message, "price")
    column = run_settings.of_endpoint(access.protocol, access.sampling)  # type: ignore[arg-type]
    request = {
        "requested_model": identity.name,
        "requested_revision": access.protocol,
        "suite": released,
        "settings_digest": run_settings.digest(column),
    }
    try:
        with transaction.atomic():
            submission = Submission.everything.create(
                owner=owner, submitter=submitter, settings=column, retry_of=retry_of, **request
            )
    except IntegrityError:
        existing = Submission.everything.filter(state__in=LIVE, **request).first()
        if existing is None:
            message = "An equal submission ended at this moment; submit again."
            raise Conflict("duplicate_submission", message) from None
        raise duplicate(existing) from None
    use_of(submission, access)
    submission.charged_on = quota.charge(owner=owner)
    Submission.everything.filter(pk=submission.pk).update(charged_on=submission.charged_on)
    reason = f"submission {retry_of.pk} tried again" if retry_of else "submitted"
    Event.objects.create(submission=submission, actor=str(owner), after=submission.state, reason=reason)
    preflight.begin(submission=submission)
    return submission


def use_of(submission: Submission, access: Access) -> EndpointUse:
    """The endpoint, known from before or new, and what this submission may do there."""
    endpoint, _ = Endpoint.objects.get_or_create(
        owner=submission.owner,
        base_url=access.base_url,
        protocol=access.protocol,
        served=access.model,
        defaults={"origin": access.origin},
    )
    price = access.price
    return EndpointUse.objects.create(
        submission=submission,
        endpoint=endpoint,
        sealed_key=sealed(access.api_key, owner=submission.owner_id, origin=access.origin),
        key_given_at=Now() if access.api_key else None,
        headers=dict(access.headers),
        concurrency=access.concurrency,
        input_price=price.input if price else None,
        output_price=price.output if price else None,
        cached_price=price.cached if price else None,
        budget_tokens=access.budget_tokens,
        budget_dollars=access.budget_dollars,
        hold=access.hold,
    )
