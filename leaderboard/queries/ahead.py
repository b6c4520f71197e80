"""New rankings are read before anybody asks for them, by a thread of each web process.

The first to read a ranking of 100,000 rows waits seconds for it. So a process goes on showing the one before for as
long as it reads the new one (`snapshots.shown`), and a process that starts reads the ranking of its front page first.
"""

import logging
from collections.abc import Iterator
from threading import Event, Thread

from django.conf import settings
from django.db import close_old_connections

from leaderboard.columnar.select import kept_facets
from leaderboard.columnar.table import Columns
from leaderboard.models import Snapshot, SuiteTask
from leaderboard.queries.columns import columns
from leaderboard.queries.gap import kept_gap
from leaderboard.queries.selection import view_of
from leaderboard.queries.snapshots import AT_HAND, by_default, read

log = logging.getLogger(__name__)

FIRST_SECONDS = 15
"""The longest that a process waits for its first ranking before it answers anybody."""


def start() -> None:
    """Read ahead in this process from now on; returns once the front page's ranking is at hand, or after a while."""
    if not settings.BOARD_STATE_SECONDS:  # every reader sees the newest at once, whoever has to wait
        return
    looked = Event()
    Thread(target=follow, args=(looked, settings.BOARD_STATE_SECONDS), name="rankings", daemon=True).start()
    looked.wait(FIRST_SECONDS)


def follow(looked: Event, seconds: float) -> None:
    """Look for new rankings again and again, for as long as the process lives. What goes wrong is logged once for each
    row of failures; readers then read for themselves."""
    never, failing = Event(), False
    while True:
        try:
            look()
            AT_HAND.ahead, failing = True, False
        except Exception:  # readers go on without it, and it goes on when the database is back
            AT_HAND.ahead = False
            if not failing:
                log.exception("New rankings cannot be read ahead.")
            failing = True
        finally:
            close_old_connections()
            looked.set()
        never.wait(seconds)


def look() -> None:
    """Read every ranking that is `wanted` and is not at hand."""
    for snapshot in wanted():
        if snapshot.digest not in AT_HAND:
            AT_HAND.put(snapshot.digest, prepared(snapshot))


def wanted() -> Iterator[Snapshot]:
    """The ranking of the front page, and the newest ones of all suites of which an earlier one is at hand."""
    rows = Snapshot.objects.select_related("suite").defer("columns", "suite__definition")
    default = by_default().values_list("pk", flat=True).first()
    read_before = {suite for suite, digest in rows.values_list("suite", "digest") if digest in AT_HAND}
    for row in rows.order_by("suite_id", "-id").distinct("suite_id"):
        if row.pk == default or row.suite_id in read_before:
            yield row


def prepared(snapshot: Snapshot) -> Columns:
    """A ranking's columns with everything that its first page, and the gap, is drawn from."""
    data = read(snapshot.pk, snapshot.digest)
    tasks: list[SuiteTask] = list(snapshot.suite.tasks.all())
    columns(data, tasks, view_of(snapshot.suite, ""))
    kept_facets(data)
    kept_gap(snapshot.suite, tasks, data, snapshot.created_at)
    for name in ("rank", "model"):
        data.order(name, descending=False)
    return data
