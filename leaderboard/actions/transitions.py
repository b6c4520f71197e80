"""The only code that moves a submission or a job from one state to another.

A move is one conditional UPDATE inside the caller's transaction, followed by its event; the loser of a race gets
`IllegalMove`. Times are the database's own.
"""

from typing import Any

from django.db.models.functions import Now

from leaderboard.actions import keys, notify, quota
from leaderboard.actions.errors import Conflict
from leaderboard.models import Event, Job, Outbox, Submission
from leaderboard.models.submissions import JOB_MOVES, LIVE, SUBMISSION_MOVES

MEASURED = frozenset({"queued", "running"})
"""States of a submission in which shards of it may be worked on."""
FINAL_SUBMISSION = frozenset({"succeeded", "rejected", "failed", "cancelled", "quarantined", "retracted"})


class IllegalMove(Conflict):
    """The row was not in a state that allows this move (any more)."""

    def __init__(self, subject: str, after: str) -> None:
        super().__init__("illegal_transition", f"{subject} cannot become {after}: it is in another state by now.")


def move_submission(
    *,
    submission: int,
    before: str,
    after: str,
    actor: str,
    reason: str = "",
    digest: str = "",
    refund: bool = False,
    **changes: Any,
) -> None:
    """Move submission `submission` from `before` to `after`, setting `changes`; raises IllegalMove.

    Every arrival in a final state is announced, so also that a result is held back, counts after all, or is withdrawn.
    `refund`: it ends for reasons that its owner could not help (`actions.quota` has the rules).
    """
    if after not in SUBMISSION_MOVES[before]:
        raise IllegalMove(f"A {before} submission", after)
    if after in FINAL_SUBMISSION:
        changes.setdefault("finished_at", Now())
    moved = Submission.everything.filter(pk=submission, state=before).update(state=after, **changes)
    if not moved:
        raise IllegalMove(f"Submission {submission}", after)
    if before == Submission.State.VALIDATING:
        Outbox.objects.filter(kind=Outbox.Kind.VALIDATE, subject=submission).delete()
    if before == Submission.State.SCORING:
        Outbox.objects.filter(kind=Outbox.Kind.SCORE, subject=submission).delete()
    Event.objects.create(
        submission_id=submission, actor=actor, before=before, after=after, reason=reason, digest=digest
    )
    if before in MEASURED and after not in MEASURED:
        end_shards(submission=submission, actor=actor)
    if after in FINAL_SUBMISSION:
        notify.announce(submission=submission)
    if before in LIVE and after not in LIVE:
        keys.wipe(submission=submission)
        quota.release(submission=submission, after=after, refund=refund)  # last: see the order of locks there


def end_shards(*, submission: int, actor: str) -> None:
    """What only helps an evaluation ends with it; whoever is at it hears so with the next heartbeat. They are locked
    after their submission: nobody who holds a shard's job alone waits for a submission."""
    live = Job.everything.select_for_update().filter(
        submission=submission, kind=Job.Kind.SHARD, state__in=[Job.State.QUEUED, Job.State.RUNNING]
    )
    for job in list(live.order_by("pk")):
        move_job(job=job, before=job.state, after="cancelled", actor=actor, reason="its evaluation has ended")


def move_job(
    *, job: Job, before: str, after: str, actor: str, reason: str = "", digest: str = "", **changes: Any
) -> None:
    """Move `job` from `before` to `after` if it is still at `job.attempt`; raises IllegalMove.

    Leaving `running` ends the lease; reaching it must set one (`lease_expires_at`). A job that waits no longer
    needs no bell.
    """
    if after not in JOB_MOVES[before]:
        raise IllegalMove(f"A {before} job", after)
    if before == Job.State.RUNNING:
        changes |= {"lease_expires_at": None, "token_digest": ""}
    if after in {Job.State.DONE, Job.State.FAILED, Job.State.CANCELLED}:
        changes["finished_at"] = Now()
    moved = Job.everything.filter(pk=job.pk, state=before, attempt=job.attempt).update(state=after, **changes)
    if not moved:
        raise IllegalMove(f"Job {job.pk}", after)
    if before == Job.State.QUEUED:
        Outbox.objects.filter(kind=Outbox.Kind.JOB, subject=job.pk).delete()
    Event.objects.create(
        submission_id=job.submission_id,
        job=job,
        actor=actor,
        before=before,
        after=after,
        reason=reason,
        digest=digest,
    )
