"""Score stored responses anew on a later version of their suite, without asking a model.

The version may have another metric, filter or aggregation, or other labels; what is asked has to be the same, which
the worker checks item by item. The old score stays where it is.
"""

from dataclasses import dataclass

from django.conf import settings as site
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from leaderboard.actions import ring
from leaderboard.actions.errors import Refused
from leaderboard.actions.staff import checked, note
from leaderboard.actions.submit import released_suite
from leaderboard.actions.turns import place
from leaderboard.models import Event, Job, Outbox, Submission, Suite, User
from leaderboard.queries.rescoring import sources, why_not

MOST = 1_000
"""Evaluations at once; the rest the next time."""


@dataclass(frozen=True)
class Begun:
    """`made`: the new submissions by the number of what they score. `left_out`: why others cannot be scored."""

    made: dict[int, int]
    left_out: dict[int, str]


@transaction.atomic
def rescore(*, suite: str, actor: User, reason: str) -> Begun:
    """Queue the newest evaluation of each revision on an earlier version of `suite` ("name@version") to be scored on
    this one; who has a score there, or is about to, is passed over. Nobody is charged.

    Raises Forbidden, NotFound, and Refused where there is nothing to score, with the first reason.
    """
    why = checked(actor, reason)
    released = released_suite(suite)
    made: dict[int, int] = {}
    left_out: dict[int, str] = {}
    for source in sources(released)[:MOST]:
        problem = why_not(source, released)
        new = None if problem else begin(source, released, actor)
        if new is not None:
            made[source.pk] = new.pk
        else:
            left_out[source.pk] = problem or "it is being evaluated there at this moment"
    if not made:
        raise Refused("nothing_to_rescore", nothing(released, left_out), field="suite")
    note(actor, "rescore", f"suite {released.slug}", f"{len(made)} begun, {len(left_out)} left out: {why}"[:1_000])
    return Begun(made, left_out)


def nothing(suite: Suite, left_out: dict[int, str]) -> str:
    """Why no evaluation can be scored anew, in words."""
    if not left_out:
        return f"No evaluation of an earlier version of {suite.slug} waits for a score there."
    number, reason = next(iter(left_out.items()))
    others = f", and {len(left_out) - 1} others neither" if len(left_out) > 1 else ""
    return (
        f"Submission {number} cannot be scored on {suite.slug} from what is stored{others}: {reason}. Submit its model "
        f"to {suite.slug}: a worker asks only what its journal does not hold."
    )


def begin(source: Submission, suite: Suite, actor: User) -> Submission | None:
    """A queued submission of its owner, whose job needs no memory for a model; None while an equal one is live."""
    assert source.revision is not None  # it succeeded
    try:
        with transaction.atomic():
            new = Submission.objects.create(
                owner_id=source.owner_id, submitter=actor, suite=suite, requested_model=source.requested_model,
                requested_revision=source.revision.sha, revision=source.revision, settings=source.settings,
                settings_digest=source.settings_digest, state=Submission.State.QUEUED, queued_at=Now(),
                rescored_from=source,
            )  # fmt: skip
    except IntegrityError:
        return None
    told = f"responses of submission {source.pk} ({source.suite.slug}) scored anew"
    Event.objects.create(submission=new, actor=actor.username, after=new.state, reason=told)
    job = Job.objects.create(
        submission=new, queue=site.JOB_QUEUE, engine=source.settings["engine"], not_before=Now(),
        limit_seconds=site.JOB_LIMIT_SECONDS, **place(owner=source.owner, queue=site.JOB_QUEUE),
    )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue)
    return new
