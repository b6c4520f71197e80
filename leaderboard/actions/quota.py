"""Quotas: what a submission costs its owner, and when that is given back. These are all the rules.

- A submission that is accepted costs one of its owner's day, of the month, and of what may be live at once; it is
  charged in the transaction that accepts it. What is refused (malformed, a duplicate, a full quota) costs nothing.
- It stops counting as live when it leaves the live states, however it ends.
- Day and month are given back when it ends for reasons that its owner could not help:
    - failed after attempts that its workers' hosts or the Hub spoilt (`requeue_or_fail` with `retry`: a lost worker,
      a broken host, a killed child, a failed download), or because the site refused what they measured, as opposed to
      failures of the model itself and time limits;
    - rejected because the Hub or the site's own mirrors and checks failed, or because an equal submission was under
      way (`SITE_CODES`), as opposed to a model that is not there or cannot be run;
    - cancelled before any worker had started it.
  What succeeded or was quarantined was measured, and stays charged.
- Everybody has the same caps (PARITY_DAY_CAP, PARITY_MONTH_CAP, PARITY_LIVE_CAP), staff included, unless an owner has
  caps of their own (`manage.py set_caps`). 0 lets nothing through.

`charged_on` of a submission names the day that paid. It is null when nobody pays: given back, or older than quotas.
Rows of `Usage` are locked last, after the job and the submission, and among themselves in the order of `PERIODS`.
"""

from datetime import date

from django.db import transaction
from django.db.models import F

from leaderboard.actions.errors import Refused, TooMany
from leaderboard.models import Audit, Owner, Submission, Usage
from leaderboard.queries.quota import PERIODS, Allowance, allowances

SITE_CODES = frozenset(
    {
        "duplicate_submission",
        "hub_answer",
        "hub_unreachable",
        "mirror_conflict",
        "mirror_unreadable",
        "no_mirror",
        "results_refused",
        "token_refused",
        "validation_failed",
    }
)
"""Codes of rejections and failures that are the site's own."""

WHAT = {"day": "today", "month": "this month", "live": "under way"}


def charge(*, owner: Owner) -> date:
    """Charge one submission in the caller's transaction; returns the day that pays. Raises TooMany at the first full
    cap, and the caller's transaction must not be committed then.

    The conditional UPDATE decides: of two at the last place one finds no row. Nothing is read first and trusted later.
    """
    now = allowances(owner)
    rows = [Usage(owner=owner, period=one.period, starts_on=one.starts_on) for one in now]
    Usage.objects.bulk_create(rows, ignore_conflicts=True)  # ON CONFLICT DO NOTHING
    for one in now:
        row = Usage.objects.filter(owner=owner, period=one.period, starts_on=one.starts_on, used__lt=one.cap)
        if not row.update(used=F("used") + 1):
            raise full(one)
    return now[PERIODS.index(Usage.Period.DAY)].starts_on


def full(one: Allowance) -> TooMany:
    """The refusal, in words: which cap, how much of it is used, and when some of it is free again."""
    used = f"{max(one.used, one.cap)} of {one.cap}"  # the last place may have gone since it was read
    if one.cap == 0:
        message = f"This account may not submit: its cap of submissions {WHAT[one.period]} is 0."
        return TooMany("quota_exceeded", message, retry_after=None)
    if one.resets_at is None:
        message = f"This account has {used} submissions {WHAT[one.period]}; submit again when one has ended."
        return TooMany("quota_exceeded", message, retry_after=None)
    message = (
        f"This account has used {used} submissions {WHAT[one.period]}; "
        f"submit again from {one.resets_at:%-d %B %Y, %H:%M} UTC."
    )
    return TooMany("quota_exceeded", message, retry_after=one.seconds)


def release(*, submission: int, after: str, refund: bool) -> None:
    """Give back what `submission` costs now that it has left the live states, in the transaction that moved it there.

    `transitions.move_submission` calls this once for each submission: its conditional UPDATE won, and no move leads
    back into the live states. `refund`: the day and the month too.
    """
    row = Submission.everything.filter(pk=submission, charged_on__isnull=False)
    charged = row.values_list("owner", "charged_on", "started_at").first()
    if charged is None:
        return
    owner, day, started_at = charged
    assert day is not None
    if refund or (after == Submission.State.CANCELLED and started_at is None):
        row.update(charged_on=None)
        lower(owner, Usage.Period.DAY, day)
        lower(owner, Usage.Period.MONTH, day.replace(day=1))
    lower(owner, Usage.Period.LIVE, Usage.FOREVER)


def lower(owner: int, period: str, starts_on: date) -> None:
    """Count one less; never below nothing, whatever was done to the row by hand."""
    Usage.objects.filter(owner=owner, period=period, starts_on=starts_on, used__gt=0).update(used=F("used") - 1)


@transaction.atomic
def set_caps(*, owner: Owner, caps: dict[str, int | None], actor: str, reason: str) -> Owner:
    """Give `owner` caps of their own, by period ("day" ...); None goes back to the site's. Raises Refused."""
    if not actor.strip() or not reason.strip():
        raise Refused("no_reason", "Changing caps needs an actor and a reason: the audit keeps them.")
    if not all(value is None or 0 <= value < 2**31 for value in caps.values()):
        raise Refused("bad_cap", "A cap is a whole number from 0 to 2,147,483,647.")
    Owner.objects.filter(pk=owner.pk).update(**{f"{period}_cap": value for period, value in caps.items()})
    told = ", ".join(f"{period} {'as the site' if value is None else value}" for period, value in caps.items())
    Audit.objects.create(actor=actor[:200], action="set_caps", subject=f"owner {owner.pk}", reason=f"{told}: {reason}")
    owner.refresh_from_db()
    return owner
