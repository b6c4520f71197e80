"""`make chaos`: hundreds of jobs while everything dies, stops, forgets or repeats itself; afterwards nothing is lost,
nothing is there twice, and no invariant is broken.

    python -m tests.chaos [--jobs 320] [--seconds 420] [--seed 12]

`--seconds`: for so long, at most, faults happen; then everything has `CALM` seconds to end. Prints each fault; the last
line is one JSON object, and the status is 1 where one of its zeros is none. `--jobs` counts submissions; `sharded` of
them have several jobs, `items_of_shards` of their samples were answered for them by another job than the one that
scored them.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.driver import Driver, Network
from tests.chaos.people import People, wishes
from tests.chaos.site import MODELS, OWNERS, SUITES, Site, prepared, running
from tests.chaos.verdict import verdict
from tests.chaos.watching import attended, shown
from tests.environment import ROOT
from tests.faults.proxy import Proxy
from tests.stack import free_port

CALM = 180.0
ZEROS = ("lost", "duplicated", "stuck", "mixed_attempts", "invariant_violations")
GUARDS = ROOT / ".parity" / "guards.json"
"""What `make guards` found last."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=320)
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--pause", type=float, default=1.6, help="seconds between two faults, about")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="parity-chaos-"))
    print(f"seed {options.seed}, in {folder}", flush=True)
    report: dict[str, Any] = {}
    try:
        report = chaos(folder, options)
    finally:
        if not options.keep and all(report.get(zero) == 0 for zero in ZEROS):
            shutil.rmtree(folder, ignore_errors=True)
    for line in report.pop("found"):
        print(f"FOUND {line}")
    print(json.dumps(report))
    return 0 if all(report[zero] == 0 for zero in ZEROS) else 1


def chaos(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One run, and what is to be said of it."""
    chance, state, port = random.Random(options.seed), folder / "state", free_port()
    state.mkdir(mode=0o700)
    prepared(state, port)
    network = Network(random.Random(options.seed + 1))
    wanted = wishes(
        chance, options.jobs, [f"org/m{n:02}" for n in range(MODELS)], [f"{name}@1" for name in SUITES], OWNERS
    )
    started = time.monotonic()
    with running(state, port, proxy := Proxy(f"http://127.0.0.1:{port}", network.plan(), delay=network.delay)) as site:
        driver = Driver(site, chance, options.pause)
        people = People(proxy.url, site.tokens, wanted, seconds=0.6 * options.seconds)
        threads = [threading.Thread(target=driver.run), *people.start()]
        threads[0].start()
        during = attended(site, people, options.seconds)
        driver.over.set()
        threads[0].join()
        network.bad = False
        during += attended(site, people, CALM)
        people.over.set()
        for thread in threads:
            thread.join()
        found = verdict(site.database, state / "files", wanted, shown())
        report = told(site, driver, people, found, during)
    return {**report, "seed": options.seed, "seconds": round(time.monotonic() - started, 1), "found": found["found"]}


def told(site: Site, driver: Driver, people: People, found: dict[str, Any], during: dict[str, int]) -> dict[str, Any]:
    """The report: what was done, to how many jobs, and what was wrong afterwards."""
    done, fates = driver.done, Counter(call.fate for call in site.network.calls)
    jobs, attempts, most = site.database.rows("SELECT count(*), sum(attempt), max(attempt) FROM leaderboard_job")[0]
    guards = json.loads(GUARDS.read_text()) if GUARDS.exists() else {}
    violations = found["invariant_violations"] + sum(during.values())
    return {
        "jobs": jobs,
        "kills": sum(done[f"kill {whom}"] for whom in ("a worker", "a child")),
        "stops": done["stop a worker"] + done["stop a child"],
        "broker_restarts": done["kill the broker"],
        "broker_flushes": done["empty the broker"],
        "database_restarts": done["restart the database"] + done["kill the database"],
        "connections_ended": done["end connections"],
        "site_kills": sum(done[f"kill {whom}"] for whom in ("the site's worker", "the scheduler", "a web process")),
        "calls": len(site.network.calls),
        "mistreated": {fate: fates[fate] for fate in sorted(fates) if fate != "pass"},
        "repeated_by_people": people.repeated,
        "attempts": int(attempts),
        "most_attempts": most,
        "succeeded": found["succeeded"],
        "cancelled": found["cancelled"],
        **{name: found[name] for name in ("sharded", "shards", "shards_done", "items_of_shards")},
        **{zero: found[zero] for zero in ZEROS if zero != "invariant_violations"},
        "invariant_violations": violations,
        "driver_broken": len(driver.broken),
        "guards_total": guards.get("total"),
        "guards_killed": guards.get("killed"),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
