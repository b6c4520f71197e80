"""Accept a submission: the first step of everything that is measured."""

from django.db import IntegrityError, transaction
from django.urls import reverse

from evaluator import hub
from evaluator.contract import Settings, settings_digest, spelled
from leaderboard.actions import quota, ring
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.text import storable
from leaderboard.models import Event, Outbox, Owner, Submission, Suite, User
from leaderboard.models.submissions import LIVE


@transaction.atomic
def submit(
    *,
    owner: Owner,
    submitter: User,
    suite: str | Suite,
    model: str,
    revision: str = "main",
    settings: Settings | None = None,
    retry_of: Submission | None = None,
    fresh: bool = False,
) -> Submission:
    """Accept `model` for `suite` ("name@version", or the owner's private one) and ring the validator. `fresh`: every
    request is asked, whatever was answered before.

    Raises Refused (malformed), NotFound (no such suite), Conflict (the same is already under way; `url` shows it),
    TooMany (a quota is used up).
    """
    settings = settings or Settings()
    model, revision = well_formed(model, revision)
    released = suite if isinstance(suite, Suite) else released_suite(suite)
    request = {
        "requested_model": model,
        "requested_revision": revision,
        "suite": released,
        "settings_digest": settings_digest(settings),
    }
    try:
        with transaction.atomic():
            submission = Submission.everything.create(
                owner=owner, submitter=submitter, settings=spelled(settings), retry_of=retry_of, fresh=fresh, **request
            )  # fmt: skip
    except IntegrityError:
        existing = Submission.everything.filter(state__in=LIVE, **request).first()
        if existing is None:
            message = "An equal submission ended at this moment; submit again."
            raise Conflict("duplicate_submission", message) from None
        raise duplicate(existing) from None
    # Charged after the row is in, never before. Inserting may wait for the transaction that ends an equal submission,
    # and that one wants this owner's usage next, to give back its live place: whoever held the usage already while it
    # waited there would wait for ever.
    submission.charged_on = quota.charge(owner=owner)
    Submission.everything.filter(pk=submission.pk).update(charged_on=submission.charged_on)
    reason = f"submission {retry_of.pk} tried again" if retry_of else "submitted"
    Event.objects.create(submission=submission, actor=str(owner), after=submission.state, reason=reason)
    ring.enqueue(kind=Outbox.Kind.VALIDATE, subject=submission.pk)
    return submission


def released_suite(slug: str) -> Suite:
    """The suite `name@version`, if models are evaluated on it here; raises NotFound, Refused."""
    released = Suite.objects.filter(slug=storable(slug)).first()
    if released is None:
        known = ", ".join(Suite.objects.filter(imported=False).values_list("slug", flat=True)) or "none yet"
        raise NotFound("unknown_suite", f"There is no suite {slug!r}. Released suites: {known}.", field="suite")
    if released.imported:
        raise Refused(
            "imported_suite",
            f"{slug} holds results that were measured elsewhere; nobody evaluates it here. Choose another suite.",
            field="suite",
        )
    return released


def well_formed(model: str, revision: str) -> tuple[str, str]:
    """The Hub ID and revision, stripped; raises Refused with the field that is malformed."""
    try:
        model = hub.check_id(model.strip())
    except hub.HubError as error:
        raise Refused(error.code, error.message, field="model") from error
    try:
        revision = hub.check_revision(revision.strip() or "main")
    except hub.HubError as error:
        raise Refused(error.code, error.message, field="revision") from error
    return model, revision


def duplicate(existing: Submission) -> Conflict:
    """The refusal that points at the live submission which already does this."""
    url = reverse("submission", args=[existing.pk])
    return Conflict(
        "duplicate_submission",
        f"{existing.requested_model} is already being evaluated on {existing.suite.slug} with these settings "
        f"(submission {existing.pk}, {existing.state}).",
        url=url,
    )
