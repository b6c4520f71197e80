"""A short chaos run with a fixed seed (`make chaos` is the long one), and its parts when they are hit themselves."""

import json
import os
import random
import subprocess
import sys
from collections import Counter

import psycopg
import pytest

from tests.chaos.database import Database
from tests.chaos.driver import FATES, Network
from tests.chaos.people import wishes
from tests.chaos.verdict import Job, shards, told_alike
from tests.environment import ROOT

ZEROS = ("lost", "duplicated", "stuck", "mixed_attempts", "invariant_violations", "driver_broken")


@pytest.mark.stack
def test_a_short_run_loses_nothing() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--jobs", "40", "--seconds", "45", "--seed", "12"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    print(run.stdout[-6_000:], run.stderr[-3_000:])
    report = json.loads(run.stdout.splitlines()[-1])
    assert {zero: report[zero] for zero in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert report["jobs"] >= 35  # some are cancelled before they have one
    assert report["succeeded"] + report["cancelled"] == 40
    assert report["kills"] >= 5 and report["mistreated"]
    assert report["sharded"] >= 8 and report["shards"] == 2 * report["sharded"]
    assert report["items_of_shards"] > 0
    assert run.returncode == 0


def test_the_drivers_own_connection_may_be_lost() -> None:
    """It asks the next time over a new one; a fault of its own hits it too."""
    with Database(os.environ["DATABASE_URL"]) as database, Database(os.environ["DATABASE_URL"]) as other:
        first = database.one("SELECT pg_backend_pid()")
        assert other.rows("SELECT pg_terminate_backend(%s, 5000)", first) == [(True,)]
        second = database.one("SELECT pg_backend_pid()")
        assert second != first and database.lost == 1
        assert database.end_connections(0.0) == 1
        assert database.one("SELECT 1") == 1
        assert database.lost == 2


def test_a_database_that_stays_away_is_no_endless_wait() -> None:
    with pytest.raises(psycopg.OperationalError):
        Database("postgresql://nobody@127.0.0.1:9/nothing", patience=0.3).rows("SELECT 1")


def test_a_seed_draws_the_same_wishes_and_fates() -> None:
    def drawn(seed: int) -> tuple[object, Counter[str]]:
        plan = Network(random.Random(seed)).plan()
        wanted = wishes(random.Random(seed), 50, [f"m{n}" for n in range(10)], ["a@1", "b@1", "c@1"], owners=3)
        return wanted, Counter(plan("POST", "/", turn) for turn in range(2_000))

    assert drawn(1) == drawn(1)
    wanted, fates = drawn(2)
    assert wanted != drawn(1)[0]
    assert set(fates) == {"pass", *FATES}
    with pytest.raises(ValueError):
        wishes(random.Random(1), 50, ["m"], ["a@1"], owners=1)


WHOLE = [Job(7, "evaluation", 2, 0, 3, "done"), Job(8, "shard", 1, 1, 3, "done"), Job(9, "shard", 0, 2, 3, "cancelled")]


@pytest.mark.parametrize(
    ("jobs", "wrong"),
    [
        (WHOLE, {}),
        (WHOLE[:2], {"lost": 1}),
        ([*WHOLE[:2], WHOLE[2]._replace(state="failed")], {"lost": 1}),
        ([*WHOLE, WHOLE[1]._replace(id=10)], {"duplicated": 1}),
        ([*WHOLE[:2], WHOLE[2]._replace(state="running")], {"stuck": 1}),
    ],
)
def test_the_verdict_sees_shards_that_are_lost_twice_there_or_stuck(jobs: list[Job], wrong: dict[str, int]) -> None:
    found: list[str] = []
    counts = shards({1: jobs, 2: [Job(6, "evaluation", 1, 0, 1, "failed")]}, found)
    assert {name: counts[name] for name in ("lost", "duplicated", "stuck") if counts[name]} == wrong
    assert (counts["sharded"], len(found)) == (1, bool(wrong))


def test_the_verdict_holds_the_provenance_against_the_shards() -> None:
    own = {job.id: job for job in WHOLE}
    told = [
        {"shard": 0, "attempt": 2},
        {"shard": 1, "attempt": 1, "state": "done"},
        {"shard": 2, "attempt": 0, "state": "queued"},
    ]
    assert told_alike(told, own)
    assert not told_alike(told[:2], own)
    assert not told_alike([told[0], {**told[1], "attempt": 2}, told[2]], own)
    assert not told_alike([told[0], told[1], {**told[2], "state": "done"}], own)
    assert told_alike([], {6: Job(6, "evaluation", 1, 0, 1, "done")})
