"""Stop at the budget, and go on once the owner says so."""

import hashlib
from math import isfinite

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions import ring
from leaderboard.actions.access import KEY, MOST_DOLLARS, MOST_TOKENS
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.keys import sealed
from leaderboard.actions.spent import spent_of
from leaderboard.actions.transitions import move_job, move_submission
from leaderboard.actions.turns import place
from leaderboard.models import EndpointUse, Job, Outbox, Owner, Submission
from leaderboard.queries.endpoints import price_of, whose

KEY_GONE = "key_gone"
KEY_GONE_MESSAGE = "Its API key was removed, as every key is a day after it was given. Give it again to go on."


def pause(*, job: Job, before: str, actor: str, code: str, message: str) -> None:
    """Let a locked job, and its submission with it, wait for its owner. Runs in the caller's transaction."""
    digest = hashlib.sha256(message.encode()).hexdigest()
    changes = {"worker": None, "phase": "", "done": 0, "total": 0} if before == Job.State.RUNNING else {}
    move_job(job=job, before=before, after="paused", actor=actor, reason=code, digest=digest, **changes)
    move_submission(
        submission=job.submission_id, before=before, after="paused", actor=actor, reason=code, digest=digest,
        error_code=code, error_message=message,
    )  # fmt: skip


NOT_LOOKED_AT = "not_looked_at"
NOT_LOOKED_AT_MESSAGE = "No worker looked at it within a day, and its API key was removed. Submit it again."


def pause_keyless() -> int:
    """Let every waiting job whose key is gone wait for its owner instead; returns how many."""
    waiting = Job.everything.filter(state=Job.State.QUEUED, submission__use__key_wiped_at__isnull=False)
    return sum(pause_one(job=job) for job in list(waiting.values_list("pk", flat=True)))


@transaction.atomic
def pause_one(*, job: int) -> bool:
    """Pause one keyless job, if it still waits; one that was to look at the endpoint first ends with its submission."""
    waiting = Job.everything.select_for_update(skip_locked=True, of=("self",)).filter(pk=job, state=Job.State.QUEUED)
    row = waiting.select_related("submission").first()
    if row is None:
        return False
    if row.kind == Job.Kind.EVALUATION:
        pause(job=row, before="queued", actor="reconciler", code=KEY_GONE, message=KEY_GONE_MESSAGE)
        return True
    move_job(job=row, before="queued", after="cancelled", actor="reconciler", reason=NOT_LOOKED_AT)
    move_submission(
        submission=row.submission_id, before="validating", after="rejected", actor="reconciler", reason=NOT_LOOKED_AT,
        error_code=NOT_LOOKED_AT, error_message=NOT_LOOKED_AT_MESSAGE, refund=True,
    )  # fmt: skip
    return True


@transaction.atomic
def resume(
    *,
    submission: int,
    owner: Owner,
    budget_tokens: int | None = None,
    budget_dollars: float | None = None,
    api_key: str = "",
) -> Submission:
    """Let `owner`'s paused submission go on, with higher budgets and a new key where these are given; None and "" leave
    them as they are.

    Raises NotFound (also for others' submissions), Conflict unless it is paused, Refused while its budget is used up or
    its key is gone.
    """
    job = (
        Job.everything.select_for_update()
        .filter(submission=submission, submission__owner=owner)
        .order_by("-pk")
        .first()
    )
    row = Submission.everything.select_related("use__endpoint").filter(pk=submission, owner=owner).first()
    if row is None:
        raise NotFound("unknown_submission", f"You have no submission {submission}.")
    if row.state != Submission.State.PAUSED or job is None or job.state != Job.State.PAUSED:
        raise Conflict("not_paused", f"Submission {submission} does not wait for you: it is {row.state}.")
    use = row.use
    if budget_dollars is not None and price_of(use, whose(use.endpoint.origin, use.endpoint.served).model) is None:
        raise Refused(
            "no_price", "Nobody knows what this model costs: give a budget in tokens.", field="budget_dollars"
        )
    changes = budgets(use, budget_tokens, budget_dollars) | key_of(use, row, api_key.strip())
    EndpointUse.objects.filter(pk=use.pk).update(**changes)
    use.refresh_from_db()
    check_enough(use, job)
    again = place(owner=owner, queue=job.queue)
    move_job(job=job, before="paused", after="queued", actor=str(owner), reason="resumed", not_before=Now(), **again)
    move_submission(
        submission=row.pk, before="paused", after="queued", actor=str(owner), reason="resumed", error_code="",
        error_message="",
    )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue)
    row.refresh_from_db()
    return row


def budgets(use: EndpointUse, tokens: int | None, dollars: float | None) -> dict[str, object]:
    """The columns that change; raises Refused for what is no budget, or less than before."""
    changes: dict[str, object] = {}
    if tokens is not None:
        if not 1 <= tokens <= MOST_TOKENS or tokens < (use.budget_tokens or 0):
            raise Refused("bad_budget", "A budget can only be raised.", field="budget_tokens")
        changes["budget_tokens"] = tokens
    if dollars is not None:
        if not (isfinite(dollars) and 0 < dollars <= MOST_DOLLARS) or dollars < (use.budget_dollars or 0):
            raise Refused("bad_budget", "A budget can only be raised.", field="budget_dollars")
        changes["budget_dollars"] = dollars
    return changes


def key_of(use: EndpointUse, row: Submission, key: str) -> dict[str, object]:
    """The columns of a key that is given again; raises Refused where one is missing or malformed."""
    if not key:
        if use.key_wiped_at is not None:
            raise Refused("no_key", KEY_GONE_MESSAGE, field="api_key")
        return {}
    if not KEY.fullmatch(key):
        message = "An API key has up to 1,000 visible ASCII characters and no spaces."
        raise Refused("bad_key", message, field="api_key")
    stored = sealed(key, owner=row.owner_id, origin=use.endpoint.origin)
    return {"sealed_key": stored, "key_given_at": Now(), "key_wiped_at": None}


def check_enough(use: EndpointUse, job: Job) -> None:
    """Raise Refused while nothing is left to spend: it would only pause again."""
    spent = spent_of(job.spent)
    tokens = spent.input_tokens + spent.output_tokens
    if use.budget_tokens is not None and tokens >= use.budget_tokens:
        message = f"It has used {tokens:,} tokens of {use.budget_tokens:,}; raise the budget above that."
        raise Refused("budget_used_up", message, field="budget_tokens")
    if use.budget_dollars is not None and spent.dollars >= use.budget_dollars:
        message = f"It has cost ${spent.dollars:,.2f} of ${use.budget_dollars:,.2f}; raise the budget above that."
        raise Refused("budget_used_up", message, field="budget_dollars")
