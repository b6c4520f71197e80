"""Give up a submission: at once while nothing runs, by way of the worker while something does."""

from django.db import transaction

from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.transitions import IllegalMove, move_job, move_submission
from leaderboard.models import Event, Job, Owner, Submission
from leaderboard.models.submissions import LIVE

TRIES = 3
"""A submission that moves on while it is being cancelled is looked at again."""


def cancel(*, submission: int, owner: Owner) -> Submission:
    """Cancel `owner`'s submission; raises NotFound (also for others' submissions), Conflict when it has ended.

    A running job is only asked: its worker sees it with the next heartbeat, stops the child and acknowledges. A worker
    that only looks at an endpoint is done in seconds, and finds its attempt ended.
    """
    for _ in range(TRIES - 1):
        try:
            return cancel_once(submission=submission, owner=owner)
        except IllegalMove:
            continue
    return cancel_once(submission=submission, owner=owner)


@transaction.atomic
def cancel_once(*, submission: int, owner: Owner) -> Submission:
    """As `cancel`; raises IllegalMove when the submission moved at the same moment."""
    row = Submission.everything.filter(pk=submission, owner=owner).first()
    if row is None:
        raise NotFound("unknown_submission", f"You have no submission {submission}.")
    # Jobs are locked before their submission, as everywhere (see lease.locked), and looked for after it: one that the
    # validator adds in between also moves the submission, which the conditional update below then notices.
    jobs = list(Job.everything.select_for_update().filter(submission=row).order_by("pk"))
    if row.state not in LIVE:
        raise Conflict("illegal_transition", f"Submission {submission} has already ended: it is {row.state}.")
    running = [job.pk for job in jobs if job.state == Job.State.RUNNING and job.kind == Job.Kind.EVALUATION]
    if running:
        asked = Job.everything.filter(pk__in=running, cancel_requested=False).update(cancel_requested=True)
        row.refresh_from_db()  # the locks may have waited for the claim
        if asked:
            Event.objects.create(
                submission=row, actor=str(owner), before=row.state, after=row.state, reason="cancellation requested"
            )
        return row
    for job in jobs:
        if job.state in {Job.State.QUEUED, Job.State.PAUSED, Job.State.RUNNING}:
            move_job(job=job, before=job.state, after="cancelled", actor=str(owner), reason="cancelled by its owner")
    move_submission(
        submission=row.pk, before=row.state, after="cancelled", actor=str(owner), reason="cancelled by its owner"
    )
    row.refresh_from_db()
    return row
