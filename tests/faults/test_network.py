"""A whole job by a real worker process through a network that loses, doubles, delays and cuts its calls."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from leaderboard.actions.score import score
from leaderboard.models import Event, Job, Result, SampleChunk, WorkerToken
from tests.conftest import WORKER_SECRET, release_suite
from tests.environment import ROOT
from tests.faults.conftest import Accept
from tests.faults.invariants import broken
from tests.faults.live import until
from tests.faults.proxy import Fate, Plan, Proxy

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

MODEL = "org/model"


def rows(query: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def once(fate: Fate) -> Plan:
    """Every single call suffers it the first time, whatever it is."""
    return lambda method, path, turn: fate if turn == 1 else "pass"


def always(fate: Fate) -> Plan:
    return lambda method, path, turn: fate


@contextmanager
def worker(url: str, state: Path, mirror: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker without a broker, whose child loads no model."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_") and name != "REDIS_URL"}
    variables = {
        **kept,
        "PARITY_URL": url,
        "PARITY_WORKER_TOKEN": WORKER_SECRET,
        "PARITY_STATE": str(state),
        "PARITY_HUB_MIRROR": str(mirror),
        "PARITY_WORKER_CHILD": "tests.evaluator.fake_child",
    }
    process = subprocess.Popen([sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, env=variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def heard(proxy: Proxy, ending: str) -> None:
    """Wait until the worker has had the answer to its last call."""
    lost = ("drop", "cut")
    until(
        lambda: any(call.path.endswith(ending) and call.fate not in lost for call in proxy.calls),
        seconds=60,
        what=f"the answer to {ending}",
    )


@pytest.mark.parametrize(
    "plan", [once("drop"), once("cut"), always("twice"), once("delay")], ids=["drop", "cut", "twice", "delay"]
)
def test_a_job_succeeds_exactly_once_whatever_happens_to_its_calls(
    live_server: LiveServer,
    worker_token: WorkerToken,
    accept: Accept,
    mirror: Path,
    files: Path,
    tmp_path: Path,
    plan: Plan,
) -> None:
    submission = accept(MODEL, on=release_suite("take 1").slug)
    started = time.monotonic()
    with Proxy(live_server.url, plan) as proxy, worker(proxy.url, tmp_path / "state", mirror):
        heard(proxy, "/results/")
        took = time.monotonic() - started
    score(submission=submission.pk)
    score(submission=submission.pk)  # a bell that rang twice
    submission.refresh_from_db()
    assert submission.state == "succeeded"
    assert Job.objects.get().attempt == 1
    assert Result.objects.count() == 2
    assert SampleChunk.objects.count() == 1
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1
    assert Event.objects.filter(after="succeeded").count() == 1
    assert broken(rows) == {}
    kinds = {re.sub(r"\d+", "N", f"{call.method} {call.path}") for call in proxy.calls if call.fate != "pass"}
    assert kinds == {
        "POST /api/worker/vN/claims/",
        "POST /api/worker/vN/upcoming/",
        "POST /api/worker/vN/jobs/N/heartbeat/",
        "PUT /api/worker/vN/jobs/N/attempts/N/chunks/N/",
        "POST /api/worker/vN/jobs/N/results/",
    }
    print(f"\n{len(proxy.calls)} calls, {took:.1f} s, answered {sorted({call.status for call in proxy.calls})}")


@pytest.mark.parametrize("plan", [once("drop"), always("twice")], ids=["drop", "twice"])
def test_a_failure_is_told_exactly_once(
    live_server: LiveServer, worker_token: WorkerToken, accept: Accept, mirror: Path, tmp_path: Path, plan: Plan
) -> None:
    submission = accept(MODEL, on=release_suite("fail").slug)
    with Proxy(live_server.url, plan) as proxy, worker(proxy.url, tmp_path / "state", mirror):
        heard(proxy, "/failure/")
    submission.refresh_from_db()
    assert (submission.state, submission.error_code) == ("failed", "engine_load_failed")
    assert Event.objects.filter(after="failed").count() == 2  # of the job and of the submission
    assert broken(rows) == {}
