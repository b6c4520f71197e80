"""The staff hides the texts of a task's items, or shows them again; scores are shown either way."""

from django.db import transaction

from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.remarks import check_staff
from leaderboard.models import Audit, HiddenTexts, SuiteTask, User


@transaction.atomic
def hide_texts(*, task: str, reason: str, by: User) -> HiddenTexts:
    """Hide prompts, answers and targets of a task everywhere, downloads included. Raises Refused, NotFound."""
    check_staff(by)
    if not reason.strip():
        raise Refused("no_reason", "Hiding texts needs a reason: readers see it in their place.", field="reason")
    if not SuiteTask.objects.filter(task=task).exists():
        raise NotFound("unknown_task", f"No suite here has a task {task[:120]!r}.", field="task")
    row, _ = HiddenTexts.objects.update_or_create(task=task, defaults={"reason": reason.strip()[:300]})
    Audit.objects.create(actor=str(by), action="texts hidden", subject=task[:200], reason=reason.strip())
    return row


@transaction.atomic
def show_texts(*, task: str, reason: str, by: User) -> None:
    """Raises Refused, NotFound."""
    check_staff(by)
    if not reason.strip():
        raise Refused("no_reason", "Showing texts again needs a reason: the audit keeps it.", field="reason")
    gone, _ = HiddenTexts.objects.filter(task=task).delete()
    if not gone:
        raise NotFound("not_hidden", f"The texts of {task[:120]!r} are not hidden.", field="task")
    Audit.objects.create(actor=str(by), action="texts shown", subject=task[:200], reason=reason.strip())
