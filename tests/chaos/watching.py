"""Whoever attends a run: starts again what died, looks at the rules, and sees the end."""

import time
from collections import Counter

import psycopg

from tests.chaos.database import Database
from tests.chaos.people import People
from tests.chaos.site import Site
from tests.chaos.verdict import LIVE
from tests.faults.invariants import broken


def attended(site: Site, people: People, seconds: float) -> Counter[str]:
    """Start again whatever died, until everything that is wanted has ended or the time is over; returns which rules
    were broken meanwhile, and by how many rows."""
    deadline, looked, seen = time.monotonic() + seconds, 0.0, Counter[str]()
    # A connection of its own that waits for nothing: nobody but this loop starts a dead database again.
    with Database(site.database.url, patience=0) as database:
        while time.monotonic() < deadline:
            site.processes.check()
            if time.monotonic() - looked > 5:
                looked = time.monotonic()
                try:
                    found, live = broken(database.rows), database.one(LIVE)
                except psycopg.OperationalError:  # it is away, and looked at the next time
                    continue
                for rule, rows in found.items():
                    seen[rule] += len(rows)
                    print(f"FOUND {rule}: {rows[:3]}", flush=True)
                if all(wish.number for wish in people.wishes) and not live:
                    break
            time.sleep(0.25)
    return seen


def shown() -> dict[str, set[int]]:
    """By suite, the submissions on its newest ranking."""
    from leaderboard.models import Snapshot
    from leaderboard.queries.snapshots import columns_of

    newest = Snapshot.objects.order_by("suite_id", "-id").distinct("suite_id").select_related("suite")
    return {
        one.suite.slug: {int(key) for key in columns_of(one).number("submission").tolist() if key} for one in newest
    }
