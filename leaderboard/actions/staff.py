"""What the staff does to others' submissions, to workers and to the site, each with a reason and an audit row."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, Forbidden, NotFound, Refused
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.retry import retry
from leaderboard.actions.transitions import move_submission
from leaderboard.actions.turns import PUT_FIRST, under_way
from leaderboard.models import Audit, Event, Follow, Job, SiteState, Submission, User, Worker, WorkerToken
from leaderboard.models.submissions import STAFF_MOVES

REASON = 300
BANNER = 300


def checked(actor: User, reason: str) -> str:
    """The reason, trimmed; raises Forbidden for who is no staff, Refused without a reason."""
    if not (actor.is_staff and actor.is_active):
        raise Forbidden("staff_only", "Only the staff of this site does that.")
    text = reason.strip()
    if not text or len(text) > REASON or not text.isprintable():
        raise Refused("no_reason", f"Say why, in 1 to {REASON} printable characters: it is kept.", field="reason")
    return text


def note(actor: User, action: str, subject: str, reason: str) -> None:
    Audit.objects.create(actor=actor.username[:200], action=action, subject=subject, reason=reason)


def submission_of(number: int) -> Submission:
    """The row; raises NotFound."""
    row = Submission.objects.select_related("owner", "suite").filter(pk=number).first()
    if row is None:
        raise NotFound("unknown_submission", f"There is no submission {number}.")
    return row


@transaction.atomic
def move(*, submission: int, act: str, actor: User, reason: str) -> None:
    """One of `STAFF_MOVES`; raises Forbidden, Refused, NotFound, and IllegalMove for one in another state."""
    why = checked(actor, reason)
    if act not in STAFF_MOVES:
        raise Refused("bad_act", f"An act is one of {', '.join(STAFF_MOVES)}.")
    row = submission_of(submission)
    before, after = STAFF_MOVES[act]
    changes: dict[str, Any] = {} if after == "succeeded" else {"error_code": act, "error_message": why}
    move_submission(submission=row.pk, before=before, after=after, actor=actor.username, reason=why, **changes)
    build_snapshot(suite=row.suite)
    note(actor, act, f"submission {row.pk}", why)


@transaction.atomic
def cancel_for(*, submission: int, actor: User, reason: str) -> None:
    """Cancel anybody's submission; raises what `cancel` raises."""
    why = checked(actor, reason)
    row = submission_of(submission)
    cancel(submission=row.pk, owner=row.owner)
    note(actor, "cancel", f"submission {row.pk}", why)


@transaction.atomic
def retry_for(*, submission: int, actor: User, reason: str) -> Submission:
    """Try anybody's ended submission again, for its owner and at the owner's cost; raises what `retry` raises."""
    why = checked(actor, reason)
    row = submission_of(submission)
    made = retry(submission=row.pk, owner=row.owner, submitter=actor)
    note(actor, "retry", f"submission {row.pk}", f"{why} (submission {made.pk})")
    return made


@transaction.atomic
def drain(*, worker: int, wanted: bool, actor: User, reason: str) -> None:
    """Give a worker no more jobs, or some again; what it runs it ends. Raises NotFound."""
    why = checked(actor, reason)
    row = Worker.objects.select_for_update().filter(pk=worker).first()
    if row is None:
        raise NotFound("unknown_worker", f"There is no worker {worker}.")
    Worker.objects.filter(pk=row.pk).update(drained_at=Now() if wanted else None)
    note(actor, "drain" if wanted else "undrain", f"worker {row.pk}", f"{row.name}: {why}")


@transaction.atomic
def prioritise(*, submission: int, actor: User, reason: str) -> None:
    """Put a waiting submission first in its line; those that were put there before it stay ahead. Raises Forbidden,
    Refused, NotFound, and Conflict for one that does not wait."""
    why = checked(actor, reason)
    row = submission_of(submission)
    job = Job.everything.select_for_update().filter(submission=row, kind=Job.Kind.EVALUATION).order_by("-pk").first()
    if job is None or job.state != Job.State.QUEUED:
        raise Conflict("not_waiting", f"Submission {submission} does not wait for a worker: it is {row.state}.")
    Job.everything.filter(pk=job.pk).update(turn=min(job.turn, under_way(job.queue)), priority=PUT_FIRST)
    Event.objects.create(
        submission=row, actor=actor.username, before=row.state, after=row.state, reason="put first in its line"
    )
    note(actor, "prioritise", f"submission {row.pk}", why)


@transaction.atomic
def stop_following(*, follow: int, actor: User, reason: str) -> None:
    """End what anybody follows (leaderboard.actions.follow); what was submitted stays. Raises NotFound."""
    why = checked(actor, reason)
    row = Follow.objects.select_related("owner", "suite").filter(pk=follow).first()
    if row is None:
        raise NotFound("unknown_follow", f"Nothing is followed under {follow}.")
    note(actor, "stop_following", row.model, f"for {row.owner} on {row.suite.slug}: {why}")
    row.delete()


@transaction.atomic
def revoke_worker_token(*, token: int, actor: User, reason: str) -> None:
    """End the token of workers: from now on they are nobody. Leases of theirs expire. Raises NotFound, Conflict."""
    why = checked(actor, reason)
    row = WorkerToken.objects.select_for_update().filter(pk=token).first()
    if row is None:
        raise NotFound("unknown_token", f"There is no worker token {token}.")
    if row.revoked_at is not None:
        raise Conflict("revoked_already", f"The token {row.name} was revoked before.")
    WorkerToken.objects.filter(pk=row.pk).update(revoked_at=Now())
    note(actor, "revoke_worker_token", f"worker token {row.pk}", f"{row.name}: {why}")


@transaction.atomic
def set_state(*, banner: str, read_only: bool, actor: User, reason: str) -> SiteState:
    """What stands on every page, and whether anything may be changed. Raises Refused."""
    why = checked(actor, reason)
    text = banner.strip()
    if len(text) > BANNER or not (text == "" or text.isprintable()):
        raise Refused("bad_banner", f"A banner has at most {BANNER} printable characters.", field="banner")
    values = {"banner": text, "read_only": read_only}
    row, _ = SiteState.objects.update_or_create(pk=SiteState.ONLY, defaults=values)
    mode = "read-only" if read_only else "open"
    note(actor, "set_state", "site", f"{mode}; banner {text!r}: {why}"[:1_000])
    return row
