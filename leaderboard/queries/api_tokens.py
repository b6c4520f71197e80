"""An owner's API tokens, as far as they may be shown: everything but the tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from leaderboard import last_used
from leaderboard.models import ApiToken, Owner

SHOWN = 100
OVER = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField())


@dataclass(frozen=True)
class Shown:
    """A token's row, whether it still works, and when it was used last."""

    token: ApiToken
    works: bool
    used_at: datetime | None


def tokens_of(owner: Owner) -> list[Shown]:
    """Those that work first, each newest first. 1 query."""
    rows = ApiToken.objects.filter(owner=owner).select_related("user").annotate(over=OVER).order_by("-pk")[:SHOWN]
    noted = last_used.taken()
    found = [
        Shown(token=row, works=row.revoked_at is None and not row.over, used_at=used_at(row, noted)) for row in rows
    ]
    return sorted(found, key=lambda one: not one.works)


def used_at(row: ApiToken, noted: dict[int, int]) -> datetime | None:
    """The newer of what is written down and what was noted since."""
    since = datetime.fromtimestamp(noted[row.pk], UTC) if row.pk in noted else None
    return max(filter(None, (row.last_used_at, since)), default=None)
