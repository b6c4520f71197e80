"""Times the sandbox: python -m tests.benchmarks.sandbox; the last line is one JSON object.

HumanEval's 164 reference solutions on all cores, and what a wall adds to a program that does nothing: against a bare
subprocess of the same interpreter with the same flags, taken in turns.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from evaluator import sandbox
from evaluator.sandboxing import walls
from tests.evaluator.solutions import humaneval

SHARED = Path(__file__).resolve().parents[3] / "shared"
REPEATS = 60
NOTHING = "pass"


def main() -> int:
    hub = SHARED / "hub"
    if not hub.is_dir():
        print("../shared/hub (HumanEval's problems) is not here.", file=sys.stderr)
        return 2
    rows = humaneval(hub)
    started = time.monotonic()
    found = sandbox.run_all([source for _, source in rows])
    seconds = time.monotonic() - started
    bare, behind = overheads()
    for name, times in (("a bare subprocess", bare), *behind.items()):
        print(f"{name}: median {1000 * statistics.median(times):.1f} ms", file=sys.stderr)
    report = {
        "cores": len(os.sched_getaffinity(0)),
        "wall": sandbox.chosen_wall().name,
        "programs": len(found),
        "passed": sum(one.passed for one in found),
        "seconds": round(seconds, 2),
        "bare_ms": round(1000 * statistics.median(bare), 1),
        "overhead_ms": {
            name: round(1000 * (statistics.median(times) - statistics.median(bare)), 1)
            for name, times in behind.items()
        },
    }
    print(json.dumps(report))
    return 0


def overheads() -> tuple[list[float], dict[str, list[float]]]:
    """Seconds of each start, bare and behind each kind of wall, taken in turns so that all meet the same machine."""
    bare: list[float] = []
    behind: dict[str, list[float]] = {wall.name: [] for wall in walls.kinds()}
    for _ in range(REPEATS):
        started = time.monotonic()
        subprocess.run([walls.INTERPRETER, "-I", "-S", "-c", NOTHING], check=True)
        bare.append(time.monotonic() - started)
        for wall in walls.kinds():
            found = sandbox.run_behind(wall, NOTHING, limits=sandbox.Limits(), packages=None)
            assert found.passed, found
            behind[wall.name].append(found.seconds)
    return bare, behind


if __name__ == "__main__":
    sys.exit(main())
