"""Build a snapshot: the immutable ranking that pages and API read."""

import hashlib
from collections.abc import Sequence

import pyarrow as pa
from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from leaderboard.actions.pair import decided
from leaderboard.columnar import stored
from leaderboard.columnar.ranking import ranked
from leaderboard.models import Snapshot, Suite
from leaderboard.queries.binary import binary_cursor
from leaderboard.queries.gathered import gathered, keys_of, wanted
from leaderboard.queries.snapshots import columns_of, copy_of

DIFFERENCE_FROM = 2_000
"""Rows from which a ranking is stored as what differs from an earlier one; smaller ones are stored whole."""
DIFFERENCE_MOST = 0.02
"""The share of rows that may differ; beyond that the ranking is stored whole, and others differ from it."""
WHOLE_FOR_SECONDS = 86_400
"""After so long everything is gathered anew, with what the catalogue learned of the models since."""
RANKING = "hashtext('snapshot')"
"""The lock of a suite's ranking; its second number is the suite's."""
KEPT = 20
"""Snapshots of a suite that stay, besides those which they differ from."""


@transaction.atomic
def build_snapshot(*, suite: Suite, anew: bool = False) -> Snapshot:
    """Rank the latest succeeded submission of each (revision, settings) of `suite`, and list its imports beside them.

    One build at a time for a suite: the later one sees everything that the earlier one committed. `anew`: everything is
    gathered again, not only rows that came.
    """
    lock_ranking(suite)
    submissions, imports = wanted(suite)
    base = None if anew else base_of(suite, len(submissions) + len(imports))
    if base is not None:
        snapshot = differing(suite, base, submissions, imports)
        if snapshot is not None:
            return snapshot
    table = ranked_now(suite, gathered(suite, submissions, imports))
    snapshot = keep(suite, stored.to_bytes(table))
    forget_old(suite)
    return snapshot


def build_missing() -> int:
    """Build the ranking of every suite that has something to rank and no ranking; returns how many there were."""
    unranked = Suite.objects.filter(snapshots=None)
    suites = [suite for suite in unranked.order_by("pk") if any(wanted(suite))]
    for suite in suites:
        build_snapshot(suite=suite)
    return len(suites)


def base_of(suite: Suite, rows: int) -> Snapshot | None:
    """The ranking that a new one of so many rows may be stored as a difference from."""
    if rows < DIFFERENCE_FROM:
        return None
    age = ExpressionWrapper(Now() - F("created_at"), output_field=DurationField())
    found = Snapshot.objects.filter(suite=suite, base=None).defer("columns").annotate(age=age).order_by("-id").first()
    return found if found is not None and found.age.total_seconds() < WHOLE_FOR_SECONDS else None


def differing(suite: Suite, base: Snapshot, submissions: Sequence[int], imports: Sequence[int]) -> Snapshot | None:
    """The ranking of these rows as a difference from `base`; None where too much differs."""
    data = columns_of(base)
    known = list(keys_of(data))
    now = {(key, 0) for key in submissions} | {(0, key) for key in imports}
    gone = [place for place, key in enumerate(known) if key not in now]
    fresh = now.difference(known)
    if len(gone) + len(fresh) > DIFFERENCE_MOST * len(now):
        return None
    rows = gathered(suite, sorted(key for key, _ in fresh if key), sorted(key for _, key in fresh if key))
    table = ranked_now(suite, stored.joined(data.table, gone, rows))
    snapshot = keep(suite, stored.difference(gone, rows, table), base=base)
    forget_old(suite)
    return snapshot


def ranked_now(suite: Suite, table: pa.Table) -> pa.Table:
    """The rows with their ranks, which paired tests of neighbours narrow on suites that are measured here."""
    return ranked(table, imported=suite.imported, decided=() if suite.imported else decided(suite=suite, table=table))


def keep(suite: Suite, data: bytes, *, base: Snapshot | None = None) -> Snapshot:
    """Store a ranking's columns."""
    digest = hashlib.sha256((base.digest.encode() if base else b"") + data).hexdigest()
    snapshot = Snapshot.objects.create(suite=suite, digest=digest, base=base)
    with binary_cursor() as cursor:
        cursor.execute("UPDATE leaderboard_snapshot SET columns = %b WHERE id = %s", [data, snapshot.pk])
    return snapshot


def forget_old(suite: Suite, *, kept: int = KEPT) -> None:
    """Remove all but the newest snapshots of a suite, and those which they differ from."""
    ours = Snapshot.objects.filter(suite=suite)
    stay = list(ours.order_by("-id").values_list("pk", "base")[:kept])
    needed = {key for both in stay for key in both if key is not None}
    old = ours.exclude(pk__in=needed).defer("columns")  # tens of megabytes, which deleting would read
    old.exclude(base=None).delete()  # what differs before what it differs from
    old.delete()


def forget_all_but(snapshot: Snapshot) -> None:
    """Remove every other snapshot of its suite, and this host's copies: a purged row is nowhere any more.

    `snapshot` is stored whole. Other hosts' copies are never read again and go with time.
    """
    others = Snapshot.objects.filter(suite=snapshot.suite_id).exclude(pk=snapshot.pk).defer("columns")
    digests = [digest for digest in others.values_list("digest", flat=True) if digest != snapshot.digest]
    others.exclude(base=None).delete()
    others.delete()

    def remove() -> None:
        for digest in digests:
            copy_of(digest).unlink(missing_ok=True)

    transaction.on_commit(remove)


def lock_ranking(suite: Suite) -> None:
    """Keep others from ranking `suite` until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({RANKING}, %s)", [suite.pk])
