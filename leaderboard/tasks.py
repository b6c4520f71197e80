"""The site's Celery tasks: each hands over to one action and may run twice without harm."""

import logging

from celery import shared_task

from leaderboard.actions import drift, keys, lease, pause, ring
from leaderboard.actions.api_tokens import keep_last_used
from leaderboard.actions.deliver import deliver as deliver_notice
from leaderboard.actions.finish import finish
from leaderboard.actions.keep_reply import forget_replies
from leaderboard.actions.parts import forget_parts
from leaderboard.actions.pulse import pulse
from leaderboard.actions.purge import remove_orphans
from leaderboard.actions.refresh import refresh_stale
from leaderboard.actions.validate import validate as validate_submission
from leaderboard.actions.workload_drafts import forget_old_drafts
from leaderboard.models import Pulse

log = logging.getLogger(__name__)


@shared_task(name="leaderboard.validate")
def validate(submission: int) -> None:
    """Pin and check a submission."""
    validate_submission(submission=submission)


@shared_task(name="leaderboard.score")
def score(submission: int) -> None:
    """Score and rank a submission, and see whether its endpoint answers as before."""
    finish(submission=submission)
    drift.note_drift(submission=submission)


@shared_task(name="leaderboard.deliver")
def deliver(delivery: int) -> None:
    """Tell somebody that a submission has ended."""
    deliver_notice(delivery=delivery)


@shared_task(name="leaderboard.reconcile")
def reconcile() -> None:
    """Take back dead leases, end what runs for too long, forget old keys and uploads, ring for whatever waits, rank
    what was left stale.

    A part that fails keeps none of the others from being done, but the round does not count as ended on /status.
    """
    pulse(part=Pulse.Part.SCHEDULER)
    failed = False
    parts = (lease.expire_leases, lease.end_overtime, keys.wipe_old, pause.pause_keyless, ring.ring_due)
    for part in (*parts, forget_old_drafts, refresh_stale):
        try:
            part()
        except Exception:
            failed = True
            log.exception("The reconciler's %s failed; it runs again with the next round.", part.__name__)
    if not failed:
        pulse(part=Pulse.Part.RECONCILER)


@shared_task(name="leaderboard.watch")
def watch() -> None:
    """Measure again what is watched and due; note what a crash left out, and when tokens were used last."""
    drift.recheck_due()
    drift.note_missing()
    keep_last_used()


@shared_task(name="leaderboard.sweep")
def sweep() -> None:
    """Remove files that an interrupted purge left behind, what ended jobs left for each other, and replies that nobody
    may ask for again."""
    remove_orphans()
    forget_parts()
    forget_replies()
