"""The outbox: a doorbell is a row first, and a Celery message only after the commit.

A row stays until its work is taken (a transition out of the waiting state deletes it), so that a lost message costs
only the time until the next round of `ring_due`.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from leaderboard.celery import app
from leaderboard.models import Outbox

log = logging.getLogger(__name__)

TASKS: dict[str, str] = {
    Outbox.Kind.VALIDATE: "leaderboard.validate",
    Outbox.Kind.SCORE: "leaderboard.score",
    Outbox.Kind.DELIVER: "leaderboard.deliver",
}
JOB_TASK = "evaluator.doorbell"
AGAIN = timedelta(seconds=30)
"""How long a rung bell may stay unanswered before it rings again."""
LIMIT = 500
"""The most that ring in one round."""
EXPIRES = 120.0
"""Seconds after which a message is worth nothing: its bell has rung again, and busy workers leave no heap behind."""


def enqueue(*, kind: str, subject: int, queue: str = "site", delay: timedelta = timedelta()) -> None:
    """Write the bell in the caller's transaction and ring it on commit (or by the reconciler, after `delay`)."""
    values = {"queue": queue, "ring_after": Now() + delay, "rings": 0}
    bell, _ = Outbox.objects.update_or_create(kind=kind, subject=subject, defaults=values)
    if not delay:
        # Robust: what breaks here must not make a call that is committed look as if it had failed.
        transaction.on_commit(lambda: ring(bell=bell.pk), robust=True)


def ring(*, bell: int) -> bool:
    """Ring one bell now. False when the broker cannot be reached: the bell stays and rings again later."""
    with transaction.atomic():
        row = Outbox.objects.select_for_update(skip_locked=True).filter(pk=bell).first()
        if row is None:
            return True  # the work was taken, or another round is ringing it
        Outbox.objects.filter(pk=bell).update(ring_after=Now() + AGAIN, rings=F("rings") + 1)
    name, queue = TASKS.get(row.kind, JOB_TASK), row.queue
    queue = f"jobs.{queue}" if row.kind == Outbox.Kind.JOB else queue
    try:
        app.send_task(name, args=[row.subject], queue=queue, retry=False, ignore_result=True, expires=EXPIRES)
    except (OperationalError, OSError) as error:
        log.warning("The broker does not answer (%s); bell %s rings again within %s.", error, bell, AGAIN)
        return False
    return True


def ring_due(*, limit: int = LIMIT) -> int:
    """Ring every bell that is due; returns how many were rung. Stops at the first that the broker refuses."""
    due = Outbox.objects.filter(ring_after__lte=Now()).order_by("ring_after").values_list("pk", flat=True)[:limit]
    rung = 0
    for bell in list(due):
        if not ring(bell=bell):
            break
        rung += 1
    return rung


def hold(*, kind: str, subject: int, seconds: timedelta) -> bool:
    """Take a rung bell's work for a while, in the caller's transaction: the bell stays, and is silent meanwhile.

    False when it has not rung since it was last held or armed: the message that asks is late, or doubled.
    """
    rung = Outbox.objects.filter(kind=kind, subject=subject, rings__gt=0)
    return bool(rung.update(rings=0, ring_after=Now() + seconds))


def silence(*, kind: str, subject: int) -> None:
    """Take a bell away: its work is done, or there is none."""
    Outbox.objects.filter(kind=kind, subject=subject).delete()
