"""The site's Celery tasks: each hands over to one action and may run twice without harm."""

from celery import shared_task

from leaderboard.actions import lease, ring
from leaderboard.actions.deliver import deliver as deliver_notice
from leaderboard.actions.pulse import pulse
from leaderboard.actions.purge import remove_orphans
from leaderboard.actions.score import score as score_submission
from leaderboard.actions.validate import validate as validate_submission
from leaderboard.models import Pulse


@shared_task(name="leaderboard.validate")
def validate(submission: int) -> None:
    """Pin and check a submission."""
    validate_submission(submission=submission)


@shared_task(name="leaderboard.score")
def score(submission: int) -> None:
    """Score and rank a submission."""
    score_submission(submission=submission)


@shared_task(name="leaderboard.deliver")
def deliver(delivery: int) -> None:
    """Tell somebody that a submission has ended."""
    deliver_notice(delivery=delivery)


@shared_task(name="leaderboard.reconcile")
def reconcile() -> None:
    """Take back dead leases, end what runs for too long, then ring for whatever waits. Says when it began and
    ended, for /status."""
    pulse(part=Pulse.Part.SCHEDULER)
    lease.expire_leases()
    lease.end_overtime()
    ring.ring_due()
    pulse(part=Pulse.Part.RECONCILER)


@shared_task(name="leaderboard.sweep")
def sweep() -> None:
    """Remove files that an interrupted purge left behind."""
    remove_orphans()
