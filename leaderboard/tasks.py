"""The site's Celery tasks: each hands over to one action and may run twice without harm."""

import logging

from celery import shared_task

from leaderboard import traced
from leaderboard.actions import drift, keys, lease, pause, ring
from leaderboard.actions.api_tokens import keep_last_used
from leaderboard.actions.deliver import deliver as deliver_notice
from leaderboard.actions.finish import finish
from leaderboard.actions.follow import submit_new_revisions
from leaderboard.actions.keep_reply import forget_replies
from leaderboard.actions.mail_digest import mail_digest
from leaderboard.actions.parts import forget_parts
from leaderboard.actions.pulse import pulse
from leaderboard.actions.purge import remove_orphans
from leaderboard.actions.rank import build_missing
from leaderboard.actions.refresh import refresh_stale
from leaderboard.actions.refresh_models import refresh_models
from leaderboard.actions.refresh_rankings import refresh_rankings
from leaderboard.actions.retention import forget_deliveries, forget_sessions, forget_spoilt_samples
from leaderboard.actions.routines import run
from leaderboard.actions.validate import validate as validate_submission
from leaderboard.actions.workload_drafts import forget_old_drafts
from leaderboard.models import Pulse

log = logging.getLogger(__name__)


@shared_task(name="leaderboard.validate")
def validate(submission: int) -> None:
    """Pin and check a submission."""
    with traced.task("validate", submission=submission):
        validate_submission(submission=submission)


@shared_task(name="leaderboard.score")
def score(submission: int) -> None:
    """Score and rank a submission, and see whether its endpoint answers as before."""
    with traced.task("score", submission=submission):
        finish(submission=submission)
        drift.note_drift(submission=submission)


@shared_task(name="leaderboard.deliver")
def deliver(delivery: int) -> None:
    """Tell somebody that a submission has ended."""
    with traced.task("deliver", delivery=delivery):
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
    parts = {"endpoints to measure again": drift.recheck_due, "checks noted": drift.note_missing}
    run(name="watch", parts={**parts, "tokens used": keep_last_used})


@shared_task(name="leaderboard.follow")
def follow() -> None:
    """Submit new revisions of followed models."""
    run(name="follow", parts={"new revisions submitted": submit_new_revisions})


@shared_task(name="leaderboard.refresh")
def refresh() -> None:
    """Read models' repositories again."""
    run(name="refresh", parts={"models read again": refresh_models})


@shared_task(name="leaderboard.rankings")
def rankings() -> None:
    """Build rankings that are missing or old."""
    run(name="rankings", parts={"missing rankings built": build_missing, "rankings changed": refresh_rankings})


@shared_task(name="leaderboard.sweep")
def sweep() -> None:
    """Remove files that an interrupted purge left behind, what ended jobs left for each other, and replies that nobody
    may ask for again."""
    parts = {"files without a submission": remove_orphans, "parts of ended jobs": forget_parts}
    run(name="sweep", parts={**parts, "kept replies": forget_replies})


@shared_task(name="leaderboard.retain")
def retain() -> None:
    """Forget what is kept for a time only."""
    parts = {"ended sessions": forget_sessions, "old deliveries": forget_deliveries}
    run(name="retain", parts={**parts, "chunks of samples that never counted": forget_spoilt_samples})


@shared_task(name="leaderboard.digest")
def digest() -> None:
    """Mail the staff how the site is, once however often the message comes."""
    run(name="digest", parts={"e-mails sent": mail_digest}, once=True)
