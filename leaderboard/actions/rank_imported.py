"""The imported rows of a snapshot, written by the database alone: there may be a hundred thousand."""

from django.db import connection

from leaderboard.models import Imported, Snapshot
from leaderboard.statistics.ranks import places, ranks

UNVERIFIED = "Imported, not verified here: on a suite that is evaluated here, imports are shown without a rank."
NO_SCORE = "It has no suite score."

ADD = """
INSERT INTO leaderboard_snapshotrow (snapshot_id, imported_id, revision_id, model_name, verified, precision,
    rank, rank_low, rank_high, unranked_reason, score, stderr, tasks)
SELECT %(snapshot)s, imported.id, imported.revision_id, model.name, false, imported.precision,
    place.rank, place.low, place.high,
    CASE WHEN place.rank IS NULL THEN coalesce(nullif(imported.unranked_reason, ''), %(reason)s) ELSE '' END,
    imported.score, imported.stderr, imported.tasks
FROM leaderboard_imported imported
JOIN leaderboard_revision revision ON revision.id = imported.revision_id
JOIN leaderboard_model model ON model.id = revision.model_id
LEFT JOIN unnest(%(ids)s::bigint[], %(ranks)s::int[], %(lows)s::int[], %(highs)s::int[])
    AS place(id, rank, low, high) ON place.id = imported.id
WHERE imported.suite_id = %(suite)s AND imported.superseded_at IS NULL
ORDER BY imported.id
"""


def add_imported(snapshot: Snapshot) -> None:
    """Copy the current imports of the snapshot's suite into it.

    Where the suite holds imports alone they are ranked: with intervals if all of them have standard errors, else by the
    source's plain rank. Among results that this site measured they have no rank, for nobody here can vouch for them.
    """
    current = Imported.objects.filter(suite=snapshot.suite_id, superseded_at=None)
    wanted = current.filter(unranked_reason="").values_list("pk", "score", "stderr")
    scored = [(pk, score, stderr) for pk, score, stderr in wanted if score is not None]
    reason = NO_SCORE
    if not snapshot.suite.imported:
        scored, reason = [], UNVERIFIED
    ids, scores = [pk for pk, _, _ in scored], [score for _, score, _ in scored]
    errors = [stderr for _, _, stderr in scored if stderr is not None]
    lows: list[int | None] = [None] * len(ids)
    highs: list[int | None] = [None] * len(ids)
    if len(errors) == len(ids):
        found = [one for one in ranks(scores, errors) if one is not None]  # none is: every score is there
        order, lows, highs = [one.rank for one in found], [one.low for one in found], [one.high for one in found]
    else:
        order = places(scores)
    with connection.cursor() as cursor:
        cursor.execute(
            ADD,
            {
                "snapshot": snapshot.pk, "suite": snapshot.suite_id, "reason": reason,
                "ids": ids, "ranks": order, "lows": lows, "highs": highs,
            },
        )  # fmt: skip
