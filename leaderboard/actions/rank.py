"""Build a snapshot: the immutable ranking that pages and API read."""

import hashlib
from typing import Any

from django.db import connection, transaction

from leaderboard.actions.rank_imported import add_imported
from leaderboard.columnar.table import to_bytes
from leaderboard.models import Result, Snapshot, SnapshotRow, Submission, Suite
from leaderboard.queries.gathered import gathered
from leaderboard.statistics.ranks import Rank, ranks


@transaction.atomic
def build_snapshot(*, suite: Suite) -> Snapshot:
    """Rank the latest succeeded submission of each (revision, settings) of `suite`, and list its imports beside them.

    One build at a time for a suite: the later one sees everything that the earlier one committed.
    """
    lock_ranking(suite)
    submissions = list(
        Submission.objects.filter(suite=suite, state=Submission.State.SUCCEEDED)
        .select_related("revision__model")
        .order_by("revision_id", "settings_digest", "-id")
        .distinct("revision_id", "settings_digest")
    )
    cells = task_cells(submissions)
    snapshot = Snapshot.objects.create(suite=suite)
    scored = [(row.pk, row.score, row.stderr) for row in submissions if row.score is not None]
    sure = [(pk, score, stderr) for pk, score, stderr in scored if stderr is not None]
    places = dict(zip([pk for pk, _, _ in sure], ranks([s for _, s, _ in sure], [e for _, _, e in sure]), strict=True))
    SnapshotRow.objects.bulk_create(
        board_row(snapshot, row, places.get(row.pk), cells.get(row.pk, {})) for row in submissions
    )
    add_imported(snapshot)
    keep_columns(snapshot)
    return snapshot


def keep_columns(snapshot: Snapshot) -> None:
    """Store the columns of a ranking whose rows are written. Runs in the caller's transaction."""
    data = to_bytes(gathered(snapshot))
    snapshot.columns, snapshot.digest = data, hashlib.sha256(data).hexdigest()
    snapshot.save(update_fields=["columns", "digest"])


def lock_ranking(suite: Suite) -> None:
    """Keep others from ranking `suite` until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('snapshot'), %s)", [suite.pk])


def task_cells(submissions: list[Submission]) -> dict[int, dict[str, Any]]:
    """Submission -> task name -> what the table shows of it."""
    cells: dict[int, dict[str, Any]] = {}
    for result in Result.objects.filter(submission__in=submissions).select_related("task"):
        cells.setdefault(result.submission_id, {})[result.task.task] = {
            "score": result.score,
            "stderr": result.stderr,
            "n": result.n,
            "metric": result.task.metric,
            "filter": result.task.filter,
            "unavailable": result.unavailable,
        }
    return cells


def board_row(snapshot: Snapshot, row: Submission, place: Rank | None, tasks: dict[str, Any]) -> SnapshotRow:
    """A row, ranked, or with the reason why not."""
    assert row.revision is not None  # a constraint of the table: what succeeded was pinned
    return SnapshotRow(
        snapshot=snapshot,
        submission=row,
        revision=row.revision,
        precision=row.revision.dtype if row.settings["dtype"] == "auto" else row.settings["dtype"],
        model_name=row.revision.model.name,
        rank=place.rank if place else None,
        rank_low=place.low if place else None,
        rank_high=place.high if place else None,
        unranked_reason="" if place else row.unranked_reason or "It has no suite score.",
        score=row.score,
        stderr=row.stderr,
        tasks=tasks,
    )
