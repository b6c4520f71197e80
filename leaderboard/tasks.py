"""The site's Celery tasks: each hands over to one action and may run twice without harm."""

from celery import shared_task

from leaderboard.actions import lease, ring
from leaderboard.actions.score import score as score_submission
from leaderboard.actions.validate import validate as validate_submission


@shared_task(name="leaderboard.validate")
def validate(submission: int) -> None:
    """Pin and check a submission."""
    validate_submission(submission=submission)


@shared_task(name="leaderboard.score")
def score(submission: int) -> None:
    """Score and rank a submission."""
    score_submission(submission=submission)


@shared_task(name="leaderboard.expire_leases")
def expire_leases() -> None:
    """Take back dead leases."""
    lease.expire_leases()


@shared_task(name="leaderboard.reconcile")
def reconcile() -> None:
    """End what runs for too long, then ring for whatever waits."""
    lease.end_overtime()
    ring.ring_due()
