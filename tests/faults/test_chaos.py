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


def test_a_database_that_stays_away_is_no_endless_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.database.PATIENCE", 0.3)
    with pytest.raises(psycopg.OperationalError):
        Database("postgresql://nobody@127.0.0.1:9/nothing").rows("SELECT 1")


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
