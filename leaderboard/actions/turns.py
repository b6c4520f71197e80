"""Whose turn it is: the waiting jobs of a queue are given out in rounds, one job of each owner a round.

A job gets its `turn`, the number of its round, when it begins to wait: the one after its owner's last waiting job, but
no earlier than the round after the newest that a worker was given a job of. So somebody's 500 submissions take 500
rounds, and whoever comes after them is in the next one, behind one job of each owner at most. Once a round has begun
nobody joins it any more: what waits is met by a finite number of others, and nothing starves.

Within a round the staff's own submissions come first. What the staff has put first (`staff.prioritise`) joins the round
that is under way, ahead of all others. Looks at endpoints have no turn (0): they take seconds, and come before
everything. A job that was lost keeps its turn, and a paused one gets a new one when it goes on.
"""

from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet

from leaderboard.models import Job, Owner, Submission

STAFF, PUT_FIRST = 1, 2
"""Priorities; 0 is everybody's."""


def place(*, owner: Owner, queue: str) -> dict[str, Any]:
    """`turn` and `priority` of a job of `owner` that begins to wait in the caller's transaction. Until that ends, the
    owner's other new jobs wait for it: two of them never take one place."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('turns'), hashint8(%s))", [owner.pk])
    last: int = waiting_of(owner, queue).aggregate(last=Max("turn"))["last"] or 0
    staff = owner.user is not None and owner.user.is_staff
    return {"turn": max(last, under_way(queue)) + 1, "priority": STAFF if staff else 0}


def waiting_of(owner: Owner, queue: str) -> QuerySet[Job]:
    """The owner's jobs in this line."""
    return Job.everything.filter(
        submission__owner=owner, submission__state=Submission.State.QUEUED, state=Job.State.QUEUED, queue=queue
    )


def under_way(queue: str) -> int:
    """The newest round of which a worker was given a job; 0 before the first. It never falls."""
    newest: int | None = Job.everything.filter(queue=queue, attempt__gt=0).aggregate(newest=Max("turn"))["newest"]
    return newest or 0
