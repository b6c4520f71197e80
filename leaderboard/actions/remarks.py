"""What people say about scores, with a reason and evidence: it is shown, it is answered, and it is never taken away."""

from django.db import transaction

from leaderboard.actions.errors import Conflict, NotFound, Refused, TooMany
from leaderboard.actions.text import storable
from leaderboard.models import Audit, Model, Remark, Submission, SuiteTask, User

LONGEST_REASON, LONGEST_EVIDENCE = 4_000, 2_000
MOST_OPEN = 5
"""Open disputes of one person."""
DISPUTABLE = frozenset({Submission.State.SUCCEEDED, Submission.State.QUARANTINED})


@transaction.atomic
def dispute(*, submission: int, reason: str, by: User, evidence: str = "") -> Remark:
    """Dispute a score, as anybody who is signed in may. Raises Refused, NotFound, Conflict, TooMany."""
    row = submission_of(submission)
    if row.state not in DISPUTABLE:
        raise Conflict("no_score", f"Submission {submission} is {row.state}: it has no score to dispute.")
    said = checked(reason, evidence)
    User.objects.select_for_update().get(pk=by.pk)  # two at once are counted one after the other
    ours = Remark.objects.filter(kind=Remark.Kind.DISPUTE, by=str(by)).exclude(replies__closes=True)
    if ours.filter(submission=row).exists():
        raise Conflict("disputed", "You have disputed this score already; the staff will answer.", field="reason")
    if ours.count() >= MOST_OPEN:
        raise TooMany("too_many_disputes", f"You have {MOST_OPEN} open disputes; wait for answers.", retry_after=None)
    return Remark.objects.create(
        kind=Remark.Kind.DISPUTE, submission=row, reason=said[0], evidence=said[1], by=str(by)
    )  # fmt: skip


@transaction.atomic
def flag(*, submission: int, reason: str, by: User, evidence: str = "") -> Remark:
    """Mark a score as doubtful. It keeps its rank, and the mark is shown with it. Raises Refused, NotFound."""
    check_staff(by)
    row, said = submission_of(submission), checked(reason, evidence)
    audit(by, "score flagged", f"submission {submission}", said[0])
    return Remark.objects.create(
        kind=Remark.Kind.FLAG, submission=row, reason=said[0], evidence=said[1], by=str(by)
    )  # fmt: skip


@transaction.atomic
def note_contamination(*, model: str, task: str, reason: str, by: User, evidence: str = "") -> Remark:
    """Note that a model may have seen a task's items; `task` "": any. Raises Refused, NotFound."""
    check_staff(by)
    row = Model.objects.filter(name=model).first()
    if row is None:
        raise NotFound("unknown_model", f"There is no model {model[:200]!r} here.", field="model")
    if task and not SuiteTask.objects.filter(task=task).exists():
        raise NotFound("unknown_task", f"No suite here has a task {task[:120]!r}.", field="task")
    said = checked(reason, evidence)
    audit(by, "contamination noted", f"{model} on {task or 'any task'}", said[0])
    return Remark.objects.create(
        kind=Remark.Kind.CONTAMINATION, model=row, task=task, reason=said[0], evidence=said[1], by=str(by)
    )  # fmt: skip


@transaction.atomic
def answer(*, remark: int, reason: str, by: User, closes: bool = False) -> Remark:
    """Answer a remark; `closes` says that it is settled. Raises Refused, NotFound, Conflict."""
    check_staff(by)
    row = Remark.objects.select_for_update().filter(pk=remark).exclude(kind=Remark.Kind.ANSWER).first()
    if row is None:
        raise NotFound("unknown_remark", f"There is no remark {remark}.", field="remark")
    if row.replies.filter(closes=True).exists():
        raise Conflict("closed", f"Remark {remark} is settled.")
    said = checked(reason, "")
    audit(by, "remark answered", f"remark {remark}", said[0])
    return Remark.objects.create(
        kind=Remark.Kind.ANSWER, answers=row, reason=said[0], closes=closes, by=str(by)
    )  # fmt: skip


def submission_of(key: int) -> Submission:
    row = Submission.objects.filter(pk=key).first()
    if row is None:
        raise NotFound("unknown_submission", f"There is no submission {key}.")
    return row


def checked(reason: str, evidence: str) -> tuple[str, str]:
    """Both as they are stored; raises Refused."""
    told, shown = (str(storable(text.strip())) for text in (reason, evidence))
    if not told:
        raise Refused("no_reason", "Say what is wrong: a remark without a reason helps nobody.", field="reason")
    if len(told) > LONGEST_REASON or len(shown) > LONGEST_EVIDENCE:
        raise Refused(
            "too_long", f"A reason has at most {LONGEST_REASON:,} characters, evidence {LONGEST_EVIDENCE:,}.",
            field="reason" if len(told) > LONGEST_REASON else "evidence",
        )  # fmt: skip
    return told, shown


def check_staff(by: User) -> None:
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff does this.")


def audit(by: User, action: str, subject: str, reason: str) -> None:
    Audit.objects.create(actor=str(by), action=action, subject=subject[:200], reason=reason)
