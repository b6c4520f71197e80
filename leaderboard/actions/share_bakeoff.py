"""Links to a report that end by themselves, or when their owner says so; and giving a bake-off up."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from leaderboard import tokens
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.models import Bakeoff, BakeoffShare, Owner, Submission
from leaderboard.models.submissions import LIVE

LONGEST = 90
"""Days."""
MOST = 20
PREFIX = "share"


@transaction.atomic
def share_bakeoff(*, owner: Owner, bakeoff: int, days: int) -> tuple[BakeoffShare, str]:
    """A link to the numbers of the owner's report, for so many days; its token is told this once, only its digest is
    kept. Raises NotFound, Refused, Conflict."""
    row = locked(owner, bakeoff)
    if not 1 <= days <= LONGEST:
        raise Refused("bad_days", f"A link ends after 1 to {LONGEST} days.", field="days")
    if row.shares.filter(revoked_at=None, expires_at__gt=Now()).count() >= MOST:
        raise Conflict("too_many_shares", f"There are {MOST} links to it already; revoke one first.")
    token = tokens.new(PREFIX)
    made = BakeoffShare.objects.create(
        bakeoff=row, digest=tokens.digest(token), expires_at=Now() + timedelta(days=days)
    )  # fmt: skip
    made.refresh_from_db()
    return made, token


@transaction.atomic
def revoke_share(*, owner: Owner, bakeoff: int, share: int) -> None:
    """End a link at once; one that is revoked already stays so. Raises NotFound."""
    row = locked(owner, bakeoff)
    if not row.shares.filter(pk=share).exists():
        raise NotFound("unknown_share", f"This bake-off has no link {share}.")
    row.shares.filter(pk=share, revoked_at=None).update(revoked_at=Now())


def locked(owner: Owner, bakeoff: int) -> Bakeoff:
    row = Bakeoff.objects.select_for_update().filter(pk=bakeoff, version__workload__owner=owner).first()
    if row is None:
        raise NotFound("unknown_bakeoff", f"You have no bake-off {bakeoff}.")
    return row


def cancel_bakeoff(*, owner: Owner, bakeoff: int) -> int:
    """Cancel every run of it that has not ended, judges too, as `cancel` does; returns how many. Raises NotFound."""
    row = Bakeoff.objects.filter(pk=bakeoff, version__workload__owner=owner).first()
    if row is None:
        raise NotFound("unknown_bakeoff", f"You have no bake-off {bakeoff}.")
    its = Q(bakeoff_entries__bakeoff=row) | Q(judge__judging__bakeoff=row)
    keys = Submission.everything.filter(its, state__in=LIVE).order_by("pk").values_list("pk", flat=True).distinct()
    return sum(ended(owner, key) for key in list(keys))


def ended(owner: Owner, submission: int) -> bool:
    """Whether it was still there to be cancelled."""
    try:
        cancel(submission=submission, owner=owner)
    except Conflict:
        return False  # it ended at this moment
    return True
