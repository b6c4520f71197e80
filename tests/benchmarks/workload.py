"""Times the reading of a workload: 100,000 lines of prompts, validated with all that is said about them; and the report
of a bake-off of six models on 10,000 items.

    python -m tests.benchmarks.workload [LINES]

The prompts are made from the words of real tasks, so that they look like a company's: most are new, some come again,
some hold what looks personal. The last line is one JSON object.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from leaderboard.embedded import services
from leaderboard.workloads.reading import Reading
from tests.benchmarks.web import environment, run

LINES = 100_000
MOST_SECONDS, MOST_BYTES, MOST_MS = 20.0, 300 * 2**20, 300.0
PORT = 8791
"""In the addresses of a site that nobody asks over the network here."""
CHILD = "--read"


def make(path: Path, lines: int) -> None:
    """As many lines of about a kilobyte: one in a hundred is there twice, one in a hundred has an address."""
    rng = random.Random(7)
    words = [f"{rng.choice('bcdfgklmprst')}{rng.choice('aeiou')}{rng.choice('lmnrst')}{n % 97}" for n in range(8_000)]
    earlier = ""
    with path.open("w", encoding="utf-8") as out:
        for number in range(lines):
            prompt = " ".join(rng.choices(words, k=150))
            prompt = earlier if number % 100 == 99 else prompt
            prompt += f" Write to someone{number}@example.org." if number % 100 == 50 else ""
            earlier = prompt
            row = {"id": f"r{number}", "prompt": prompt, "reference": words[number % 8_000], "tags": ["a", "b"]}
            out.write(json.dumps(row) + "\n")


def read(path: Path) -> dict[str, float | int]:
    """In a process of its own, so that its memory is that of reading alone."""
    begun, busy = time.perf_counter(), time.process_time()
    told: list[int] = []
    with path.open("rb") as source:
        reading = Reading(source, name=path.name, progress=lambda done, _: told.append(done))
        items = sum(1 for _ in reading)
    assert reading.report.good, reading.report.problems[:3]
    return {
        "items": items,
        "seconds": round(time.perf_counter() - begun, 2),
        "processor_seconds": round(time.process_time() - busy, 2),
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "words_of_progress": len(told),
        **reading.report.counts,
    }


def report() -> dict[str, Any]:
    """The report's times, on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-workload-") as name:
        state = Path(name)
        servers = services.ensure(state, postgres=True, valkey=True)
        try:
            env = environment(servers, state, PORT)
            run(env, "manage.py", "migrate", "--verbosity=0")
            run(env, "manage.py", "collectstatic", "--no-input", "--verbosity=0")
            return run(env, "-m", "tests.benchmarks.board.bakeoff")
        finally:
            servers.close()


def main(arguments: list[str]) -> int:
    if arguments[:1] == [CHILD]:
        print(json.dumps(read(Path(arguments[1]))))
        return 0
    lines = int(arguments[0]) if arguments else LINES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompts.jsonl"
        make(path, lines)
        size = path.stat().st_size
        command = [sys.executable, "-m", "tests.benchmarks.workload", CHILD, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1]) | {"bytes": size}
    found |= report()
    good = found["seconds"] <= MOST_SECONDS and found["peak_bytes"] <= MOST_BYTES
    good = good and found["report_p99_ms"] <= MOST_MS
    print(f"{found['items']:,} lines, {size / 1e6:.0f} MB: {found['seconds']} s, {found['peak_bytes'] / 2**20:.0f} MB")
    print(f"report of {found['report_items']:,} items x {found['report_models']}: p99 {found['report_p99_ms']} ms")
    print(json.dumps({"benchmark": "workload", "within_limits": good, **found}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
