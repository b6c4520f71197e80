"""Rank a suite again after something changed, without anybody waiting for anybody's ranking.

A change says so by a row of its own, in its own transaction. After that one process ranks: whoever comes meanwhile
finds the lock taken and leaves it to that one, which looks again once its lock is free. So results that end together
are ranked together, and each is in a ranking that is built after it was committed. Rows that a crash leaves behind are
found by the reconciler.
"""

from django.db import connection, transaction

from leaderboard.actions.rank import RANKING, build_snapshot
from leaderboard.models import StaleRanking, Suite

ROUNDS = 10
"""So many rankings are built one after the other at most; the reconciler goes on."""


def mark_stale(*, suite: Suite, anew: bool = False) -> None:
    """The newest ranking of `suite` lacks what the caller's transaction does. Call `refresh` behind it, or leave it to
    the reconciler. `anew`: rows that are in it have changed."""
    StaleRanking.objects.create(suite=suite, anew=anew)


def refresh(*, suite: Suite, rounds: int = ROUNDS) -> int:
    """Rank `suite` while its ranking is stale, unless another process is just at it; returns how many were built.

    Outside of a transaction: the lock is free between two rankings, so that those who have to wait for it (a purge, the
    staff) wait for one.
    """
    built = 0
    while built < rounds and refresh_once(suite=suite):
        built += 1
    return built


@transaction.atomic
def refresh_once(*, suite: Suite) -> bool:
    """Build one ranking; False where it is not stale, or another process ranks."""
    stale = StaleRanking.objects.filter(suite=suite)
    if not stale.exists() or not locked_now(suite=suite):
        return False
    seen = dict(stale.values_list("pk", "anew"))  # before anything is gathered: what comes later stays stale
    if not seen:
        return False
    build_snapshot(suite=suite, anew=any(seen.values()))
    stale.filter(pk__in=seen).delete()
    return True


def refresh_stale() -> int:
    """Rank what was left stale, once each; returns how many rankings were built. For the reconciler."""
    suites = Suite.objects.filter(pk__in=StaleRanking.objects.values("suite"))
    return sum(refresh(suite=suite, rounds=1) for suite in suites.order_by("pk"))


def locked_now(*, suite: Suite) -> bool:
    """Whether nobody else ranks `suite`; then nobody does until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({RANKING}, %s)", [suite.pk])
        row = cursor.fetchone()
    return bool(row and row[0])
