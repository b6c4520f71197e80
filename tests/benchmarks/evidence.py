"""`make bench-evidence`: the gap, the claims and samples at 100,000 models with 10 million samples.

Says what it does on stderr; the last line is JSON:

    models, samples         what the site holds: bench@1 of `bench-web`, every tenth model proprietary; each submission
                            has SAMPLES samples, in one stored file that all of them share; built_s: how long it took
    gap_first_ms, claims_first_ms   the first reader of a server that has just started
    gap_p50_ms, gap_p99_ms  wrk -t2 -c4 on /gap; drawn_gap_*: each time at an address that nobody asked for before
    claims_*, samples_*     the latter on /claims, and on the pages of samples of many submissions
    search_*                a text that is in no sample, so that all of a submission's are read
    search_long_*           the same in one with 14,000 samples, as many as one page reads of them
    item_*                  who solves one item, over all models; of the newest 1,000 of them

The server is production's, as in `bench-web`. Needs ../shared/data and wrk. `--quick`: 2,000 models and short runs.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from leaderboard.embedded import services
from tests.benchmarks import load
from tests.benchmarks.web import CSV, environment, fetched, run, say, served

SPREAD = 500
"""Submissions whose samples are read."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.evidence")
    parser.add_argument("--quick", action="store_true", help="2,000 models, short runs")
    parser.add_argument("--port", type=int, default=8791)
    options = parser.parse_args()
    models, seconds = (2_000, 2) if options.quick else (100_000, 10)
    if not CSV.exists():
        sys.exit(f"bench-evidence needs the real table: {CSV} is not there.")
    with tempfile.TemporaryDirectory(prefix="parity-bench-evidence-") as name:
        state = Path(name)
        servers = services.ensure(state, postgres=True, valkey=True)
        try:
            found = measured(environment(servers, state, options.port), state, models, seconds, options.port)
        finally:
            servers.close()
    print(json.dumps(found))


def measured(env: dict[str, str], state: Path, models: int, seconds: int, port: int) -> dict[str, Any]:
    started = time.perf_counter()
    run(env, "manage.py", "migrate", "--verbosity=0")
    run(env, "-m", "tests.benchmarks.board.dataset", str(CSV), str(models))
    made = run(env, "-m", "tests.benchmarks.board.evidence")
    run(env, "-m", "tests.benchmarks.board.rankings", "bench@1", "whole")
    run(env, "-m", "tests.benchmarks.board.evidence", "answers")
    run(env, "manage.py", "collectstatic", "--no-input", "--verbosity=0")
    found: dict[str, Any] = {
        "models": models, "samples": made["samples"], "built_s": round(time.perf_counter() - started)
    }  # fmt: skip
    with served(env, port, state / "site.log") as url:
        asked = questions(made, models)
        for name in ("gap", "claims"):
            started = time.perf_counter()
            fetched(url + asked[name][0])
            found[f"{name}_first_ms"] = round(1000 * (time.perf_counter() - started), 1)
        every = [path for paths in asked.values() for path in paths[:1]]
        load.wrk(url, every, seconds=max(3, seconds // 2))  # both workers read the ranking, and judge
        for name, paths in asked.items():
            say(f"wrk -t2 -c4, {seconds} s: {name}")
            told = load.wrk(url, paths, seconds=seconds, headers={"Accept-Encoding": "gzip"}, fresh=name != "gap")
            found |= {f"{name}_p50_ms": told.p50_ms, f"{name}_p99_ms": told.p99_ms}
    return found


def questions(made: dict[str, Any], models: int) -> dict[str, list[str]]:
    """What is asked, by what it is called."""
    chosen = range(1, models + 1, max(1, models // SPREAD))
    samples = "/submissions/{}/samples/" + made["task"]
    gap = "/gap?suite=bench@1"
    return {
        "gap": [gap], "claims": ["/claims?of=all"], "item": [f"/items/{made['task']}/{made['item']}?of=all"],
        "drawn_gap": [gap], "samples": [f"{samples.format(key)}?page=2" for key in chosen],
        "search": [f"{samples.format(key)}?q=nowhere" for key in chosen],
        "search_long": [f"{samples.format(made['long'])}?q=nowhere"],
    }  # fmt: skip


if __name__ == "__main__":
    main()
