"""Try an ended submission again."""

import msgspec
from django.db import transaction
from django.urls import reverse

from evaluator.contract import Settings
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.submit import submit
from leaderboard.models import EndpointUse, Event, Owner, Submission, User
from leaderboard.models.submissions import LIVE


@transaction.atomic
def retry(*, submission: int, owner: Owner, submitter: User) -> Submission:
    """Make a new submission with the request of `owner`'s ended one; it passes through everything that `submit` does.

    The request, not the revision: a branch is pinned anew. What succeeded may be measured again, and the board then
    shows the newer result. What has a score is asked everything anew, for answers from a journal would only repeat it;
    anything else goes on from what is there. Raises NotFound (also for others' submissions), Conflict while it has not
    ended or is held back until it has been checked, and what `submit` raises.
    """
    # Locked, so that it is still there when the new row that points at it is committed (see purge).
    row = (
        Submission.everything.select_for_update(of=("self",)).select_related("suite").filter(pk=submission, owner=owner)
    )
    old = row.first()
    if old is None:
        raise NotFound("unknown_submission", f"You have no submission {submission}.")
    if old.state in LIVE:
        raise Conflict("not_ended", f"Submission {submission} has not ended: it is {old.state}.")
    if old.state == Submission.State.QUARANTINED:
        raise Conflict("not_ended", f"Submission {submission} is held back until it has been checked.")
    if EndpointUse.objects.filter(submission=old).exists():
        url = f"{reverse('submit-endpoint')}?again={old.pk}"
        raise Conflict("key_needed", "Its API key was not kept: submit the endpoint again with its key.", url=url)
    new = submit(
        owner=owner,
        submitter=submitter,
        suite=old.suite.slug,
        model=old.requested_model,
        revision=old.requested_revision,
        settings=msgspec.convert(old.settings, Settings),
        retry_of=old,
        fresh=old.fresh or (old.state == Submission.State.SUCCEEDED and old.score is not None),
    )
    Event.objects.create(
        submission=old,
        actor=str(owner),
        before=old.state,
        after=old.state,
        reason=f"tried again as submission {new.pk}",
    )
    return new
