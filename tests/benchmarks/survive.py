"""`make survive`: a real evaluation that is killed again and again and loses its broker scores as an undisturbed one.

Runs the whole product in a state folder of its own: SmolLM2 on starter@1 in vLLM, float32, twice. The first run is left
alone. In the second the worker is killed (SIGKILL) while it evaluates, Valkey is killed and its data removed while the
job waits, the next worker is killed too, and then the child of the third. Prints what it does; the last line is one
JSON object.

    requeue_seconds     from each kill to the job waiting again, by the database's clock; lease included
    after_lease_seconds the same, less what was left of the lease when it was killed
    child_requeue_seconds  from the child's death to the job waiting again: its worker tells the site
    dispatch_seconds    from Valkey's death to the claim that followed
    equal               whether scores, errors and every sample are the same
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from leaderboard.demo import journey
from tests import stack as stacks
from tests.environment import ROOT
from tests.stack import Stack

LEASE, HEARTBEAT = 10.0, 2.0
SUITE = os.environ.get("SURVIVE_SUITE", journey.SUITE)


class Database:
    """Reads the running demonstration's own database."""

    def __init__(self, state: Path) -> None:
        self.url = json.loads((state / "run" / "postgres.json").read_text())["url"]

    def row(self, query: str, *parameters: Any) -> tuple[Any, ...]:
        with psycopg.connect(self.url) as connection:
            found = connection.execute(query, parameters).fetchone()
        assert found is not None, query
        return tuple(found)


def until(what: str, condition: Any, *, seconds: float) -> float:
    """Wait; returns the seconds it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


def kill(stack: Stack, *words: str) -> None:
    """SIGKILL the one process of the stack whose command holds all words."""
    found = [pid for pid, command in stack.processes().items() if all(word in command for word in words)]
    assert found, f"no process with {words} among {stack.processes()}"
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def job_of(database: Database, submission: int) -> tuple[str, int, int]:
    """State, attempt and items done; "" while its model is still being looked at."""
    state, attempt, done = database.row(
        "SELECT coalesce(max(state), ''), coalesce(max(attempt), 0), coalesce(max(done), 0) "
        "FROM leaderboard_job WHERE submission_id = %s",
        submission,
    )
    return state, attempt, done


def evaluating(database: Database, submission: int, attempt: int) -> None:
    """Wait until this attempt is well on its way."""
    until(
        f"attempt {attempt} evaluating",
        lambda: job_of(database, submission)[1] == attempt and job_of(database, submission)[2] > 60,
        seconds=1200,
    )


def kill_the_child(stack: Stack, database: Database, submission: int, *, attempt: int) -> float:
    """Kill the engine's process while it evaluates; returns the seconds until the job waits again."""
    evaluating(database, submission, attempt)
    started = time.monotonic()
    kill(stack, "evaluator.harness")
    until("the job waiting again", lambda: job_of(database, submission)[0] == "queued", seconds=60)
    print(f"  killed the child of attempt {attempt}", flush=True)
    return round(time.monotonic() - started, 2)


def kill_the_worker(stack: Stack, database: Database, submission: int, *, attempt: int) -> dict[str, float]:
    """Kill it while it evaluates; returns how long the job stood still."""
    evaluating(database, submission, attempt)
    kill(stack, "celeryd: worker.")  # Celery writes its own command line
    killed, left = database.row(
        "SELECT clock_timestamp(), extract(epoch FROM lease_expires_at - clock_timestamp())::float8 "
        "FROM leaderboard_job WHERE submission_id = %s",
        submission,
    )
    print(f"  killed the worker of attempt {attempt}; its lease lasts {left:.1f} s more", flush=True)
    until("the job waiting again", lambda: job_of(database, submission)[0] == "queued", seconds=120)
    (requeued,) = database.row(
        "SELECT max(at) FROM leaderboard_event WHERE submission_id = %s AND job_id IS NOT NULL AND after = 'queued'",
        submission,
    )
    seconds = (requeued - killed).total_seconds()
    return {"requeue_seconds": round(seconds, 2), "after_lease_seconds": round(seconds - left, 2)}


def break_the_broker(stack: Stack, database: Database, submission: int) -> float:
    """Kill Valkey and remove all it knew while the job waits; returns the seconds until the job was claimed."""
    started = time.monotonic()
    shutil.rmtree(stack.state / "valkey", ignore_errors=True)
    (stack.state / "valkey").mkdir(mode=0o700)
    kill(stack, "valkey-server")
    until("the next claim", lambda: job_of(database, submission)[0] == "running", seconds=180)
    return round(time.monotonic() - started, 2)


def submit(stack: Stack) -> int:
    with stack.http() as http:
        return int(journey.submit(http, SUITE)["id"])


def ended(stack: Stack, submission: int) -> dict[str, Any]:
    """Wait for the end of a submission; returns it."""
    with stack.http() as http:
        while True:
            body: dict[str, Any] = http.get(f"/api/v1/submissions/{submission}/").raise_for_status().json()
            if body["state"] not in {"validating", "queued", "running", "scoring"}:
                return body
            time.sleep(0.5)


def samples(stack: Stack, submission: int) -> list[bytes]:
    """Every sample that the site keeps of a submission, in order."""
    last = max(int(path.name.split("-")[1]) for path in (stack.state / "files" / "samples" / str(submission)).iterdir())
    chunks = sorted((stack.state / "files" / "samples" / str(submission)).glob(f"*-{last}-*"))
    return [line for chunk in chunks for line in gzip.decompress(chunk.read_bytes()).splitlines()]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="parity-survive-") as name:
        mirror = ROOT / ".parity" / "mirror"
        subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(mirror)], check=True, cwd=ROOT)
        state = stacks.with_model(Path(name) / "state", mirror)
        more = {"PARITY_LEASE_SECONDS": str(LEASE), "PARITY_HEARTBEAT_SECONDS": str(HEARTBEAT)}
        more["PARITY_MAX_LOSSES"] = "4"  # three are caused here
        more["PARITY_REPLAY"] = "off"  # the second run asks for itself, and goes on from its own attempts only
        with stacks.running(state, "--suite", SUITE, **more) as stack:
            print(f"undisturbed: {journey.MODEL} on {SUITE}", flush=True)
            stack.wait_for(stacks.SERVING, seconds=900)
            database = Database(state)
            (first,) = database.row("SELECT max(id) FROM leaderboard_submission")
            calm = ended(stack, first)
            print(f"  {calm['score']:.4f} ± {calm['stderr']:.4f}; now the same, disturbed", flush=True)
            second = submit(stack)
            kills = [kill_the_worker(stack, database, second, attempt=1)]
            dispatch = break_the_broker(stack, database, second)
            print(f"  Valkey killed, its data removed: claimed again after {dispatch} s", flush=True)
            kills.append(kill_the_worker(stack, database, second, attempt=2))
            child = kill_the_child(stack, database, second, attempt=3)
            rough = ended(stack, second)
            equal_samples = samples(stack, first) == samples(stack, second)
            (attempts,) = database.row("SELECT attempt FROM leaderboard_job WHERE submission_id = %s", second)
            (result_sets,) = database.row("SELECT count(*) FROM leaderboard_result WHERE submission_id = %s", second)
    print(f"{'task':<24}{'undisturbed':>14}{'disturbed':>14}")
    pairs = list(zip(calm["results"], rough["results"], strict=True))
    for one, other in pairs:
        print(f"{one['task']:<24}{one['score']:>14.6f}{other['score']:>14.6f}")
    report = {
        "state": rough["state"],
        "attempts": attempts,
        "worker_kills": len(kills),
        "broker_restarts": 1,
        "requeue_seconds": [one["requeue_seconds"] for one in kills],
        "after_lease_seconds": [one["after_lease_seconds"] for one in kills],
        "child_requeue_seconds": child,
        "heartbeat_seconds": HEARTBEAT,
        "dispatch_seconds": dispatch,
        "score": [calm["score"], rough["score"]],
        "stderr": [calm["stderr"], rough["stderr"]],
        "results_once": result_sets == len(calm["results"]),
        "equal_samples": equal_samples,
        "equal": equal_samples
        and calm["score"] == rough["score"]
        and all((one["score"], one["stderr"]) == (other["score"], other["stderr"]) for one, other in pairs),
    }
    print(json.dumps(report))
    if not report["equal"] or rough["state"] != "succeeded":
        sys.exit(1)


if __name__ == "__main__":
    main()
