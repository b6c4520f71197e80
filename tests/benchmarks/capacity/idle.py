"""The memory of everything that `make run` starts, while nobody does anything and no model is loaded.

Counted is the proportional share (PSS): a page that several processes have is divided among them, so that the sum is
what the machine gives.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from leaderboard.demo import journey
from tests.faults.checkpoints import make_model
from tests.stack import READY, SERVING, Stack, running

REST = 20.0
"""Seconds after the last evaluation."""
TIMES = {"PARITY_WORKER_CHILD": "tests.evaluator.fake_child", "PARITY_KEEP_ENGINE_SECONDS": "0"}


def idle() -> dict[str, Any]:
    """Megabytes, in all and by program."""
    with tempfile.TemporaryDirectory(prefix="parity-idle-") as name:
        state = Path(name) / "state"
        state.mkdir(mode=0o700)
        make_model(
            state / "mirror", journey.MODEL, 1
        )  # what the demonstration submits; a child without a model does it
        with running(state, **TIMES) as stack:
            stack.wait_for(READY, seconds=120)
            stack.wait_for(SERVING, seconds=120)
            time.sleep(REST)
            found = by_program(stack)
    return {"idle_mb": sum(found.values()), "idle_mb_by_program": found}


def by_program(stack: Stack) -> dict[str, int]:
    found: dict[str, float] = {}
    for pid, command in stack.processes().items():
        found[called(command)] = found.get(called(command), 0.0) + pss_mb(pid)
    return {name: round(size) for name, size in sorted(found.items(), key=lambda item: -item[1])}


def called(command: str) -> str:
    """What a process is, by its command line."""
    known = {
        "postgres": "postgres", "valkey": "valkey", "gunicorn": "site", "celery beat": "scheduler",
        "site@": "site-worker", "leaderboard.demo": "demo", "celeryd": "worker", "evaluator": "worker",
    }  # fmt: skip
    return next((name for words, name in known.items() if words in command), command[:40])


def pss_mb(pid: int) -> float:
    """0 for one that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
