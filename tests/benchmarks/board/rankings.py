"""How long rankings take to build: a whole one, in a process of its own for its memory, and one with a new result.

`python -m tests.benchmarks.board.rankings SUITE whole|again` prints one JSON object: seconds, memory_mb (the most that
the process ever had resident, interpreter and libraries included), rows, bytes.
"""

import json
import resource
import sys
import time

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Result, Submission, Suite
from leaderboard.queries.snapshots import columns_of, stored_columns


def main() -> None:
    slug, what = sys.argv[1:]
    suite = Suite.objects.get(slug=slug)
    if what == "again":
        newest = Submission.objects.filter(suite=suite, state="succeeded", score__isnull=False).latest("id")
        again(newest)
    started = time.perf_counter()
    snapshot = build_snapshot(suite=suite)
    built = time.perf_counter() - started
    columns = columns_of(snapshot)
    print(json.dumps({
        "seconds": round(built, 2), "until_readable_s": round(time.perf_counter() - started, 2),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": len(columns), "bytes": len(stored_columns(snapshot)), "whole": snapshot.base_id is None,
    }))  # fmt: skip


def again(row: Submission) -> None:
    """A newer result of the same model, a little better: what a worker's results and the scorer leave behind."""
    results = list(row.results.all())
    row.pk, row.score = None, row.score + 0.25
    row.save(force_insert=True)
    for result in results:
        result.pk, result.submission = None, row
    Result.objects.bulk_create(results)


if __name__ == "__main__":
    main()
