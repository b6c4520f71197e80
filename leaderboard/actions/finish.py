"""Bring what was measured to its end; what cannot be scored is tried again for an hour and then fails with the reason.

The fault is the site's (a bug, its file storage): an operator has that hour, and nothing is scored for ever.
"""

import logging
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction

from leaderboard.actions import ring
from leaderboard.actions.score import ACTOR, score
from leaderboard.actions.transitions import move_submission
from leaderboard.models import Event, Outbox, Submission

log = logging.getLogger(__name__)

TRIES = 8
WAIT = timedelta(seconds=30)
"""Before the second try; each further wait is twice as long."""


def finish(*, submission: int) -> None:
    """Score and rank a submission, or note that this try failed. Does nothing when it is no longer scoring."""
    try:
        score(submission=submission)
    except (InterfaceError, OperationalError):
        raise  # the database is away: the bell rings again
    except Exception as error:
        log.exception("Submission %s cannot be scored.", submission)
        put_off(submission=submission, problem=type(error).__name__)


@transaction.atomic
def put_off(*, submission: int, problem: str) -> None:
    """Let a submission wait for its next try at scoring, or fail after the last."""
    waiting = Submission.everything.select_for_update(no_key=True).filter(pk=submission, state=Submission.State.SCORING)
    if not waiting.exists():
        return
    tries = 1 + Event.objects.filter(submission=submission, before="scoring", after="scoring", actor=ACTOR).count()
    reason = f"scoring failed ({problem}), try {tries} of {TRIES}"
    if tries >= TRIES:
        move_submission(
            submission=submission, before="scoring", after="failed", actor=ACTOR, reason=reason,
            error_code="scoring_failed", refund=True,
            error_message=f"The results are here and could not be scored: {problem}. The site's log has the details.",
        )  # fmt: skip
        return
    Event.objects.create(submission_id=submission, actor=ACTOR, before="scoring", after="scoring", reason=reason)
    ring.enqueue(kind=Outbox.Kind.SCORE, subject=submission, delay=WAIT * 2 ** (tries - 1))
