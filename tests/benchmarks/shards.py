"""`make bench-shards`: a large submission by 1, 2 and 4 workers, with an engine of fixed speed; the last line is JSON.

The whole product runs: site, queue, workers with folders of their own, and lm-eval in each worker's child. Only the
engine is made up: a request takes `DELAY` seconds of sleep, so that four of them fit on any machine. Each worker has
its engine loaded before the clock starts, by a small submission of the same model, as after any job before.

    seconds      from the claim of the evaluation to its results
    efficiency   seconds of one worker, divided by workers times their seconds
    twice        requests that were asked more than once
    equal        whether scores, errors and every sample are those of one worker
"""

import gzip
import json
import os
import sys
import tempfile
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import django
import httpx
from django.core.management import call_command

from leaderboard import environment
from leaderboard.demo import journey
from leaderboard.demo.processes import Processes, Program, programs
from tests import environment as environment_of_tests
from tests.chaos.database import Database
from tests.faults.checkpoints import make_model
from tests.stack import free_port

DELAY, ITEMS, FLEETS = 0.08, 600, (1, 2, 4)
SUITE = """
name: {name}
version: 1
title: {name}
files: {name}@1
tasks:
  - {{task: counting, title: Counting, metric: acc, limit: {limit}}}
"""
TASK = """
task: counting
dataset_path: json
dataset_kwargs: {data_files: {test: items.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: ["one", "two", "three", "four"]
doc_to_target: answer
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
TIMES = {
    "PARITY_LEASE_SECONDS": "20",
    "PARITY_HANDOVER_SECONDS": "0.5",
    "PARITY_KEEP_ENGINE_SECONDS": "600",
    "PARITY_SHARD_ITEMS": str(ITEMS // max(FLEETS)),
}


def suites(state: Path) -> list[str]:
    """The large suite, and a small one to load each worker's engine with."""
    files = []
    for name, limit in [("large", ITEMS), *((f"warm{number}", 1) for number in range(max(FLEETS)))]:
        tasks = state / "suites" / name
        tasks.mkdir(parents=True)
        (tasks / "counting.yaml").write_text(TASK)
        rows = ({"question": f"How many is {number}?", "answer": number % 4} for number in range(ITEMS))
        (tasks / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        files.append(tasks.with_name(f"{name}@1.yaml"))
        files[-1].write_text(SUITE.format(name=name, limit=limit))
        tasks.rename(tasks.with_name(f"{name}@1"))
    return [str(file) for file in files]


def fleet(state: Path, port: int, worker_token: str, workers: int) -> list[Program]:
    own = programs(port=port, state=state, worker_token=worker_token)
    model = next(program for program in own if program.name == "worker")
    more = {"PARITY_WORKER_CHILD": "tests.evaluator.slow_engine", "PARITY_WORKER_ENGINES": "transformers"}
    return [program for program in own if program.name not in ("worker", "api-worker")] + [
        Program(
            f"worker{number}", (sys.executable, "-m", "evaluator", "worker"),
            {**model.env, **more, "PARITY_STATE": str(state / f"w{number}"), "PARITY_WORKER_NAME": f"w{number}"},
            model.death_signal, model.seconds,
        )
        for number in range(workers)
    ]  # fmt: skip


def submit(http: httpx.Client, suite: str, model: str) -> int:
    body = {"suite": f"{suite}@1", "model": model, "settings": {"engine": "transformers", "dtype": "float32"}}
    return int(http.post("/api/v1/submissions/", json=body).raise_for_status().json()["id"])


def ended(http: httpx.Client, number: int, processes: Processes) -> dict[str, Any]:
    while True:
        processes.check()
        body: dict[str, Any] = http.get(f"/api/v1/submissions/{number}/").raise_for_status().json()
        if body["state"] not in {"validating", "queued", "running", "scoring"}:
            assert body["state"] == "succeeded", body
            return body
        time.sleep(0.2)


def samples(state: Path, number: int) -> list[bytes]:
    chunks = sorted((state / "files" / "samples" / str(number)).glob("*.jsonl.gz"))
    return [line for chunk in chunks for line in gzip.decompress(chunk.read_bytes()).splitlines()]


def evaluated(state: Path, port: int, token: str, worker_token: str, workers: int) -> dict[str, Any]:
    """The large suite by so many workers, each with a model of its own so that nothing is known of it before."""
    model = f"org/by{workers}"
    assert environment.servers is not None
    database = Database(environment.servers.database_url)
    processes = Processes(fleet(state, port, worker_token, workers), state / "log", print, environment.servers)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        processes.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30, trust_env=False) as http:
            journey.ask(http, "/api/v1/suites/", check=processes.check)
            for number in [submit(http, f"warm{worker}", model) for worker in range(workers)]:
                ended(http, number, processes)
            large = submit(http, "large", model)
            body = ended(http, large, processes)
        query = (
            "SELECT extract(epoch FROM finished_at - claimed_at)::float8 FROM leaderboard_job "
            "WHERE submission_id = %s AND kind = 'evaluation'"
        )
        asked = Counter((state / "mirror" / "models" / model / ".asked").read_text().splitlines())
        shards = database.rows(
            "SELECT shard, state, attempt FROM leaderboard_job WHERE submission_id = %s ORDER BY 1", large
        )
        print(f"{workers} workers: {shards}", flush=True)
        return {
            "workers": workers, "seconds": round(float(database.one(query, large)), 2), "score": body["score"],
            "stderr": body["stderr"], "twice": sum(count > 1 for count in asked.values()),
            "samples": samples(state, large),
        }  # fmt: skip
    finally:
        processes.stop()


def table(state: Path, port: int) -> list[dict[str, Any]]:
    django.setup()
    from django.conf import settings

    from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token

    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_suites", *suites(state), stdout=StringIO())
    person = create_person(username="owner", password=None)
    token = create_api_token(owner=person.owner, user=person, name="shards")
    register_worker_token(name="shards", token=settings.WORKER_TOKEN, trusted=True)
    django.db.connections.close_all()
    rows = []
    for workers in FLEETS:
        model = f"org/by{workers}"
        make_model(state / "mirror", model, workers)
        (state / "mirror" / "models" / model / "delay").write_text(str(DELAY))
        rows.append(evaluated(state, port, token, settings.WORKER_TOKEN, workers))
    return rows


def main() -> int:
    port = free_port()
    environment_of_tests.pytest_unconfigure()
    with tempfile.TemporaryDirectory(prefix="parity-shards-") as folder:
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        for name in ("DATABASE_URL", "REDIS_URL", "PARITY_HUB_MIRROR"):
            os.environ.pop(name, None)
        os.environ.update(PARITY_MODE="demo", PARITY_STATE=str(state), PARITY_URL=f"http://127.0.0.1:{port}", **TIMES)
        with environment.prepare():
            rows = table(state, port)
    first = rows[0]
    print(f"{'workers':>8}{'seconds':>10}{'efficiency':>12}{'twice':>8}  equal")
    for row in rows:
        row["efficiency"] = round(first["seconds"] / (row["workers"] * row["seconds"]), 3)
        row["equal"] = all(row[name] == first[name] for name in ("score", "stderr", "samples"))
        print(f"{row['workers']:>8}{row['seconds']:>10}{row['efficiency']:>12}{row['twice']:>8}  {row['equal']}")
    told = [{name: value for name, value in row.items() if name != "samples"} for row in rows]
    equal = all(row["equal"] for row in rows)
    print(json.dumps({"requests": 4 * ITEMS, "delay": DELAY, "equal": equal, "rows": told}))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
