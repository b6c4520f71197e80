"""The staff withdraws a result: it leaves the ranking, and its page stays as a tombstone that says why."""

from django.db import transaction

from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.remarks import check_staff
from leaderboard.actions.text import storable
from leaderboard.actions.transitions import move_submission
from leaderboard.models import Audit, Submission, User


@transaction.atomic
def retract(*, submission: int, reason: str, by: User) -> None:
    """Withdraw a succeeded submission, and rank its suite without it. Raises Refused, NotFound, Conflict."""
    check_staff(by)
    said = str(storable(reason.strip()))
    if not said:
        raise Refused("no_reason", "A retraction needs a reason: it stays on the page.", field="reason")
    row = Submission.objects.select_related("suite").filter(pk=submission).first()
    if row is None:
        raise NotFound("unknown_submission", f"There is no submission {submission}.")
    if row.state != Submission.State.SUCCEEDED:
        raise Conflict("not_succeeded", f"Submission {submission} is {row.state}; only a result can be withdrawn.")
    move_submission(
        submission=submission, before=row.state, after=Submission.State.RETRACTED, actor=str(by), reason=said,
        error_message=f"Withdrawn by this site's staff: {said}",
    )  # fmt: skip
    Audit.objects.create(actor=str(by), action="result withdrawn", subject=f"submission {submission}", reason=said)
    build_snapshot(suite=row.suite)
