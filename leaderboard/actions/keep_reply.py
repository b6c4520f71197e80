"""Do a request once, however often it is sent: its reply is kept a day under the caller's key and given again.

The reply is kept in the transaction that does what was asked, so that there is never the one without the other. What is
refused changes nothing and keeps nothing: the same key may be tried again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from leaderboard.actions.errors import Conflict, TooMany
from leaderboard.models import KeptReply, Owner
from leaderboard.sealing import seal, unseal

KEPT = timedelta(hours=24)
PURPOSE = "kept reply"


@dataclass
class Kept:
    """The reply to a request; `status` is 0 until there is one. `fresh`: this request made it."""

    status: int = 0
    body: str = ""
    fresh: bool = True


@contextmanager
def kept_once(*, owner: Owner, key: str, digest: str) -> Iterator[Kept]:
    """Yields the kept reply to the same request, or an empty one for the caller to fill in.

    Raises Conflict where the key was used for another request, or the same one is being answered at this moment.
    """
    with transaction.atomic():
        if not lock(owner, key):
            raise Busy()
        KeptReply.objects.filter(owner=owner, key=key, created_at__lt=Now() - KEPT).delete()
        row = KeptReply.objects.filter(owner=owner, key=key).first()
        if row is not None:
            if row.digest != digest:
                raise Conflict(
                    "idempotency_conflict",
                    f"The Idempotency-Key {key!r} was used for another request. Use a new key for a new request.",
                    field="Idempotency-Key",
                )
            yield Kept(row.status, unseal(row.body, purpose=PURPOSE), fresh=False)
            return
        kept = Kept()
        yield kept
        if kept.status:
            KeptReply.objects.create(
                owner=owner, key=key, digest=digest, status=kept.status, body=seal(kept.body, purpose=PURPOSE)
            )


class Busy(TooMany, Conflict):
    """The same request is being answered right now."""

    status = 409

    def __init__(self) -> None:
        message = "A request with this Idempotency-Key is being answered at this moment; ask again in a second."
        super().__init__("idempotency_busy", message, retry_after=1)


def lock(owner: Owner, key: str) -> bool:
    """Whether nobody else answers a request with this key; holds for the rest of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"kept reply {owner.pk} {key}"])
        row = cursor.fetchone()
    return bool(row and row[0])


@transaction.atomic
def forget_replies() -> int:
    """Remove replies that are older than a day; returns how many."""
    return KeptReply.objects.filter(created_at__lt=Now() - KEPT).delete()[0]
