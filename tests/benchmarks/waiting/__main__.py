"""`make bench-queue`: 2,000 submissions wait, 20 workers take them over HTTP from the real site; the last line is JSON.

    claim_p50_ms, claim_p95_ms   a claim, as its worker waits for it, while 20 claim, post samples and post results
    jobs_per_s                   claimed, measured (made up at once), posted and handed to the scorer
    heartbeats_per_s             20 workers that do nothing else; at 2 s between two, what they send is 10
    beat_p95_ms                  one of these
    lock_wait_s                  the longest that any connection was seen to wait for another's row; PostgreSQL's log
                                 counts the waits of any kind over a second (`lock_waits_over_1s`)
    ranking_wait_s               the longest wait for any other lock, such as that of a ranking
    sequential                   queries whose plan reads a large table from end to end; the plans are in plans/

Site, scorer and scheduler run as in the demonstration, on the same cores as the 20 workers.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import django
import httpx
import psycopg
from django.core.management import call_command

from evaluator.client import Site
from evaluator.contract import ClaimRequest, Heartbeat, JobSpec
from leaderboard import environment
from leaderboard.demo import journey
from leaderboard.demo.processes import Processes, programs
from tests import environment as environment_of_tests
from tests.stack import free_port

ENDED, WAITING, WORKERS = 10_000, 2_000, 20
CLAIM_SECONDS, BEAT_SECONDS = 60.0, 20.0


class Watch(threading.Thread):
    """Looks twenty times a second for whoever waits for a lock: the longest of rows and of the ranking, in seconds."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.rows, self.ranking, self.over = url, 0.0, 0.0, threading.Event()

    def run(self) -> None:
        waiting = "extract(epoch FROM clock_timestamp() - waitstart)::float8"
        query: LiteralString = (
            f"SELECT coalesce(max({waiting}) FILTER (WHERE locktype <> 'advisory'), 0), "
            f"coalesce(max({waiting}) FILTER (WHERE locktype = 'advisory'), 0) FROM pg_locks WHERE NOT granted"
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.over.wait(0.05):
                found = connection.execute(query).fetchone()
                assert found is not None
                self.rows, self.ranking = max(self.rows, found[0]), max(self.ranking, found[1])


def request(number: int) -> ClaimRequest:
    return ClaimRequest(worker=f"w{number}", queues=("cpu",), engines=("vllm",), edition=5)


def timed(call: Callable[[], Any], into: list[float]) -> Any:
    started = time.perf_counter()
    try:
        return call()
    finally:
        into.append(1000 * (time.perf_counter() - started))


def work(url: str, number: int, deadline: float, claims: list[float]) -> int:
    """Claim and do one job after the other until the line is empty or the time is over; returns how many."""
    from tests.benchmarks.waiting.filled import SECRET
    from tests.leaderboard.measured import measured

    done, site = 0, Site.connect(url, SECRET)
    with site.http:
        while time.monotonic() < deadline:
            job = timed(lambda: site.claim(request(number)), claims)
            if job is None:
                break
            site.heartbeat(job, Heartbeat(attempt=job.attempt, phase="evaluating", done=1, total=10))
            made = measured(job)
            for sequence, body in enumerate(made.bodies):
                site.post_chunk(job, sequence, body)
            site.post_results(job, made.results)
            done += 1
    return done


def beat(url: str, job: JobSpec, deadline: float, beats: list[float]) -> None:
    from tests.benchmarks.waiting.filled import SECRET

    site, done = Site.connect(url, SECRET), 0
    with site.http:
        while time.monotonic() < deadline:
            done += 1
            message = Heartbeat(attempt=job.attempt, phase="evaluating", done=done, total=10**6, log="a line\n" * 50)
            timed(lambda message=message: site.heartbeat(job, message), beats)


def heartbeats(url: str) -> dict[str, Any]:
    """Each worker holds a job, and all of them say so as fast as they can."""
    from tests.benchmarks.waiting.filled import SECRET

    beats: list[float] = []
    holding = Site.connect(url, SECRET)
    with holding.http:
        jobs = [job for number in range(WORKERS) if (job := holding.claim(request(number))) is not None]
    with ThreadPoolExecutor(WORKERS) as pool:
        started = time.monotonic()
        list(pool.map(lambda job: beat(url, job, started + BEAT_SECONDS, beats), jobs))
        seconds = time.monotonic() - started
    print(f"{len(beats)} heartbeats in {seconds:.1f} s", flush=True)
    return {
        "heartbeats_per_s": round(len(beats) / seconds, 1),
        "beat_p95_ms": round(statistics.quantiles(beats, n=20)[-1], 1),
    }


def jobs_done(url: str) -> dict[str, Any]:
    """The workers take the line, job after job."""
    claims: list[float] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        started = time.monotonic()
        done = sum(pool.map(lambda number: work(url, number, started + CLAIM_SECONDS, claims), range(WORKERS)))
        seconds = time.monotonic() - started
    print(f"{done} jobs in {seconds:.1f} s", flush=True)
    return {
        "claims": len(claims),
        "claim_p50_ms": round(statistics.median(claims), 1),
        "claim_p95_ms": round(statistics.quantiles(claims, n=20)[-1], 1),
        "jobs_per_s": round(done / seconds, 1),
    }


def measured_in(state: Path, port: int) -> dict[str, Any]:
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from django.conf import settings

    from tests.benchmarks.waiting import filled, plans

    print(f"filling: {ENDED} ended, {WAITING} wait", flush=True)
    token = filled.fill(ENDED, WAITING)
    django.db.connections.close_all()
    database = os.environ["DATABASE_URL"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_lock_waits = on")
        connection.execute("SELECT pg_reload_conf()")
    url = f"http://127.0.0.1:{port}"
    programme = programs(port=port, state=state, worker_token=settings.WORKER_TOKEN)[:3]
    processes = Processes(programme, state / "log", print, environment.servers)
    watch = Watch(database)
    try:
        processes.start()
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
            journey.ask(http, "/api/v1/suites/", check=processes.check)
        watch.start()
        report = heartbeats(url)
        found = plans.write(token, f"{ENDED:,} ended, {WAITING - WORKERS:,} wait, {WORKERS} run")
        report |= jobs_done(url)
        watch.over.set()
        watch.join()
    finally:
        processes.stop()
    log = (state / "log" / "postgres.log").read_text(errors="replace")
    return {
        "waiting": WAITING, "workers": WORKERS, **report, "lock_wait_s": round(watch.rows, 3),
        "lock_waits_over_1s": sum("still waiting for" in line for line in log.splitlines()),
        "ranking_wait_s": round(watch.ranking, 3), "sequential": plans.sequential(found),
    }  # fmt: skip


def main() -> int:
    port = free_port()
    environment_of_tests.pytest_unconfigure()
    with tempfile.TemporaryDirectory(prefix="parity-queue-") as folder:
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        for name in ("DATABASE_URL", "REDIS_URL", "PARITY_HUB_MIRROR"):
            os.environ.pop(name, None)
        os.environ.update(PARITY_MODE="demo", PARITY_STATE=str(state), PARITY_URL=f"http://127.0.0.1:{port}")
        with environment.prepare():
            report = measured_in(state, port)
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
