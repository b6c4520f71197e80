"""A worker among full disks and an upgraded site: it waits, says why, and goes on; or ends with what to install."""

import logging
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from evaluator import jobs, worker
from evaluator.client import NO_ROOM, SiteError
from evaluator.contract import Results
from evaluator.lease import Lease, Lost
from tests.environment import ROOT
from tests.evaluator.test_client import JOB, Script
from tests.evaluator.test_lease import fine
from tests.evaluator.test_worker_failures import config

RESULTS = Results(attempt=1, tasks=(), chunks=(), provenance={}, load_seconds=0.0, evaluation_seconds=0.0)
FULL = httpx.Response(NO_ROOM, json={"code": "disk_full", "message": "The site's disk is full."})


@pytest.fixture(autouse=True)
def not_full() -> None:
    worker.full.clear()


def disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(worker.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_with_a_full_disk_it_asks_for_nothing_says_so_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script, settings = Script(httpx.Response(204)), config(tmp_path / "not there yet")
    disk(monkeypatch, worker.LEAST_FREE - 1)
    with caplog.at_level(logging.INFO, "evaluator.worker"):
        for _ in range(3):
            assert not worker.claim_and_work(script.site(), settings)
        assert script.requests == []
        disk(monkeypatch, worker.LEAST_FREE)
        assert not worker.claim_and_work(script.site(), settings)
    assert len(script.requests) == 1
    told = [record.message for record in caplog.records]
    assert len(told) == 2 and "taking no jobs until there is room" in told[0] and "room on the disk again" in told[1]


def test_with_a_full_disk_it_is_no_worker_and_says_no_hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(monkeypatch, 0)
    script, rounds = Script(), iter([False, False, True])
    ended = SimpleNamespace(is_set=lambda: next(rounds), wait=lambda _: None)
    worker.greet(script.site(), worker.introduction(config(tmp_path)), ended, tmp_path)  # type: ignore[arg-type]
    assert script.requests == []


def held(beating: object = None) -> Lease:
    return Lease(beating or SimpleNamespace(heartbeat=lambda *_: fine()), JOB, threading.Event())  # type: ignore[arg-type]


def test_a_site_without_room_is_asked_until_it_has_some() -> None:
    script = Script(*[FULL] * 20, httpx.Response(201))
    with held() as lease:
        assert len(jobs.posted(script.site(), JOB, 0, b"body", lease)) == 64
    assert len(script.requests) == 21


def test_it_is_not_asked_longer_than_the_job_is_ours() -> None:
    script = Script(*[FULL] * 20)
    with held() as lease:
        lease._reason = Lost("somebody else has it")
        with pytest.raises(Lost):
            jobs.posted(script.site(), JOB, 0, b"body", lease)
    assert script.requests == []


def test_results_wait_for_room_too() -> None:
    script = Script(*[FULL] * 20, httpx.Response(204))
    with held() as lease:
        jobs.with_room(JOB, lease, lambda: script.site().post_results(JOB, RESULTS))
    assert len(script.requests) == 21


def test_what_is_measured_is_posted_even_by_a_worker_that_is_being_stopped() -> None:
    script, stopping = Script(httpx.Response(204)), threading.Event()
    stopping.set()
    with Lease(SimpleNamespace(heartbeat=lambda *_: fine()), JOB, stopping) as lease:  # type: ignore[arg-type]
        jobs.with_room(JOB, lease, lambda: script.site().post_results(JOB, RESULTS))
    assert len(script.requests) == 1


def test_any_other_refusal_ends_it() -> None:
    script = Script(httpx.Response(413))
    with held() as lease, pytest.raises(SiteError, match="413"):
        jobs.posted(script.site(), JOB, 0, b"body", lease)


class TooOld(BaseHTTPRequestHandler):
    """A site that takes no worker of this edition."""

    def do_POST(self) -> None:
        body = b'{"code": "worker_too_old", "message": "Install the site\'s release."}'
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(426)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.slow
def test_a_worker_that_is_too_old_ends_with_what_to_install(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), TooOld)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kept = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, capture_output=True, text=True, timeout=120,
            env=kept | {"PARITY_URL": url, "PARITY_WORKER_TOKEN": "t", "PARITY_STATE": str(tmp_path)}, check=False,
        )  # fmt: skip
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == 2
    assert "Install the site's release." in done.stderr and "Traceback" not in done.stderr


def test_a_wrong_clock_ends_no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts by a clock that only goes forward; the site's answers carry seconds, and no time of day."""
    wall = time.time
    with held() as lease:
        for skew in (86_400.0, -86_400.0, 0.0):
            monkeypatch.setattr(time, "time", lambda skew=skew: wall() + skew)
            time.sleep(2 * JOB.heartbeat_seconds if JOB.heartbeat_seconds < 1 else 0.05)
            lease.check()
