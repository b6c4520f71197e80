"""`make bench-load`: what an installation on two cores carries and needs. The last line is JSON; the rest is on stderr.

    users, think_s, models  50 people read, search, compare, submit and use the API, with a second of thought between
    requests, per_s, errors, error_share, p50_ms, p95_ms, p99_ms, worst_ms, p95_ms_by_kind    of all that they ask
    at_once_*               the same without thought, as fast as answers come: what the site can do at most
    samples_per_s           taken in: unpacked, read, counted and on the disk, on the cores of the site and its workers
    tables_mb               the largest tables then, with their indexes
    idle_mb                 proportional memory (PSS) of everything that `make run` starts, without a model
    image_mb                the site's image, unpacked; its base is estimated (image.py)
    missed                  the aims that were not reached

Site, site worker and scheduler run with production's settings on the data of `bench-web`, with samples. Needs
../shared/data. `--quick`: 2,000 models and short runs.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from leaderboard.demo.processes import programs
from leaderboard.embedded import process, services
from tests.benchmarks.capacity.idle import idle
from tests.benchmarks.capacity.image import image
from tests.benchmarks.web import CSV, ROOT, environment, run, say, served

PARTS = ("users", "idle", "image")
AIMS = {"p95_ms": 300, "error_share": 0.001, "idle_mb": 600, "image_mb": 400}
"""At most."""
SAMPLES_PER_S = 5_000
"""At least."""
MANY = "1000000"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.capacity")
    parser.add_argument("--quick", action="store_true", help="2,000 models, short runs")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part, or several")
    parser.add_argument("--think", type=float, default=1.0, help="seconds between an answer and the next question")
    parser.add_argument("--port", type=int, default=8792)
    options = parser.parse_args()
    parts, found = options.only or PARTS, dict[str, Any]()
    if "image" in parts:
        say("the image's root")
        found |= image()
    if "idle" in parts:
        say("the whole stack, idle")
        found |= idle()
    if "users" in parts:
        found |= carried(options)
    print(json.dumps(found | {"missed": missed(found)}))


def missed(found: dict[str, Any]) -> list[str]:
    over = [name for name, most in AIMS.items() if found.get(name, 0) > most]
    return over + ["samples_per_s"] * (found.get("samples_per_s", SAMPLES_PER_S) < SAMPLES_PER_S)


def carried(options: argparse.Namespace) -> dict[str, Any]:
    """The users, and the samples."""
    if not CSV.exists():
        sys.exit(f"bench-load needs the real table: {CSV} is not there.")
    models, seconds = (2_000, 8) if options.quick else (100_000, 60)
    with tempfile.TemporaryDirectory(prefix="parity-bench-load-") as name:
        state = Path(name)
        (state / "mirror").mkdir()
        servers = services.ensure(state, postgres=True, valkey=True)
        env = environment(servers, state, options.port) | {
            "PARITY_HUB_MIRROR": str(state / "mirror"), "PARITY_DAY_CAP": MANY, "PARITY_MONTH_CAP": MANY,
            "PARITY_LIVE_CAP": MANY, "PARITY_JOB_QUEUE": "cpu",
        }  # fmt: skip
        try:
            told = json.dumps(filled(env, state, models))
            with beside(env, state, options.port), served(env, options.port, state / "site.log") as url:
                say(f"50 people for {seconds} s")
                found = asked(env, "users", told, url, seconds, options.think)
                say("the same without thought")
                at_once = asked(env, "users", told, url, max(5, seconds // 3), 0.0)
                say("samples")
                taken = asked(env, "ingest", told, url, max(5, seconds // 3))
            taken["tables_mb"] = tables(servers.database_url)
        finally:
            servers.close()
    more = {f"at_once_{key}": at_once[key] for key in ("per_s", "errors", "p50_ms", "p95_ms")}
    return {"models": models, "users": 50, "think_s": options.think, **found, **more, **taken}


def filled(env: dict[str, str], state: Path, models: int) -> dict[str, Any]:
    """The board's data set, with samples, ranked; returns what can be asked for."""
    run(env, "manage.py", "migrate", "--verbosity=0")
    run(env, "-m", "tests.benchmarks.board.dataset", str(CSV), str(models))
    run(env, "-m", "tests.benchmarks.board.evidence")
    run(env, "-m", "tests.benchmarks.board.rankings", "bench@1", "whole")
    run(env, "manage.py", "collectstatic", "--no-input", "--verbosity=0")
    return run(env, "-m", "tests.benchmarks.board.users", str(state))


def tables(url: str) -> dict[str, float]:
    """Megabytes of every table with more than one, indexes and long values included, the largest first."""
    query = (
        "SELECT relname, pg_total_relation_size(oid) / 1e6 AS size FROM pg_class "
        "WHERE relkind = 'r' AND relname LIKE 'leaderboard_%' AND pg_total_relation_size(oid) > 1e6 ORDER BY size DESC"
    )
    with psycopg.connect(url) as connection:
        rows = connection.execute(query).fetchall()
    return {name.removeprefix("leaderboard_"): round(float(size), 1) for name, size in rows}


@contextmanager
def beside(env: dict[str, str], state: Path, port: int) -> Iterator[None]:
    """The site's worker and the scheduler, which check what people submit while others read."""
    (state / "run").mkdir(exist_ok=True)
    with ExitStack() as running:
        for program in programs(port=port, state=state, worker_token=env["PARITY_WORKER_TOKEN"]):
            if program.name in ("site-worker", "scheduler"):
                started = process.spawn(program.command, log=state / f"{program.name}.log", env=env, cwd=ROOT)
                running.callback(process.stop, started, signal=signal.SIGTERM, seconds=5)
        yield


def asked(env: dict[str, str], module: str, told: str, *arguments: Any) -> dict[str, Any]:
    """A module of this package in a process of its own; its last line."""
    command = [sys.executable, "-m", f"tests.benchmarks.capacity.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=env, input=told, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module} ended with status {done.returncode}.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
