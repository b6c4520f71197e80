"""The run of `make multi-host`, inside the site's network. The last line is one JSON object:

lost, duplicated, stuck, mixed_attempts, invariant_violations, drill_broken, workers_died     all 0
jobs, attempts, succeeded, cancelled        what was wanted, and how often it was begun
sharded, shards, shards_done, items_of_shards    submissions made of several jobs, these beside the evaluation, which of
                                            these ended by themselves, and the samples that they had answered
partitions, partition_s, longest_partition_s    how often hosts were cut off, for how long together, and at most
recovery_s, recovery_worst_s                from a cable's return until the site had done a call of that host
taken_over, takeover_s, takeover_worst_s    jobs that were claimed anew, and how long after the cut (lease_s is the
                                            lease)
refused_writes                              calls of attempts that had lost their job meanwhile (409)
latency_ms, loss, round_trip_ms             one way, of the packets, and what a host measures
packets, packets_lost, connections_cut      of the relay
reach_only_the_site                         from a host: the site's relay, but no other host, nor the site's own port
"""

import argparse
import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.people import People, wishes
from tests.chaos.site import LEASE, MODELS, OWNERS, SUITES, Host, Site, prepared, running
from tests.chaos.verdict import verdict
from tests.chaos.watching import attended, shown
from tests.hosts.links import SITE, Machines
from tests.hosts.partitions import Partitions, Round
from tests.hosts.relay import Relay, Wire
from tests.stack import free_port

HOSTS = ("ada", "bob", "cyd")
PORT = 8000
CALM = 120.0
ZEROS = ("lost", "duplicated", "stuck", "mixed_attempts", "invariant_violations", "drill_broken", "workers_died")
SHORT = (Round(("ada",), LEASE + 2), Round(HOSTS, LEASE + 1))
LONG = (
    Round(("ada",), LEASE + 3),
    Round(("bob", "cyd"), LEASE + 4),
    *[Round(("bob",), 1.0)] * 4,  # shorter than the lease: nobody should notice
    Round(HOSTS, LEASE + 5),
    Round(("cyd",), 40.0),  # longer than a call's patience of 30 s
    Round(("ada", "cyd"), LEASE + 3),
)
TRY = """
import errno, http.client, json, socket, statistics, sys, time
site, own, other = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def problem(host, port):
    try:
        socket.create_connection((host, port), 3).close()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return ""

def once():
    began = time.perf_counter()
    caller.request("GET", "/livez")
    caller.getresponse().read()
    return time.perf_counter() - began

caller = http.client.HTTPConnection(site, 8000, timeout=10)
once()
tries = [once() for _ in range(15)]
found = {"site": problem(site, 8000), "own": problem(site, own), "other": problem(other, 8000)}
print(json.dumps({"round_trip_ms": round(1000 * statistics.median(tries), 1), **found}))
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts")
    parser.add_argument("--short", action="store_true", help="two partitions and few jobs, for the tests")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--latency", type=float, default=0.04, help="seconds one way")
    parser.add_argument("--loss", type=float, default=0.02, help="share of the packets")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="parity-hosts-"))
    print(f"seed {options.seed}, in {folder}", flush=True)
    report: dict[str, Any] = {}
    try:
        report = drill(folder, options)
    finally:
        if all(report.get(zero) == 0 for zero in ZEROS):
            shutil.rmtree(folder, ignore_errors=True)
    for line in report.pop("found"):
        print(f"FOUND {line}")
    print(json.dumps(report))
    return 0 if all(report[zero] == 0 for zero in ZEROS) and report["reach_only_the_site"] else 1


def drill(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One run, and what is to be said of it."""
    chance, state, port = random.Random(options.seed), folder / "state", free_port()
    rounds, jobs = (SHORT, options.jobs or 24) if options.short else (LONG, options.jobs or 150)
    state.mkdir(mode=0o700)
    prepared(state, port, url=f"http://{SITE}:{PORT}")
    models, suites = [f"org/m{n:02}" for n in range(MODELS)], [f"{name}@1" for name in SUITES]
    wanted = wishes(chance, jobs, models, suites, OWNERS)
    wire = Wire(latency=options.latency, loss=options.loss, cut=0.001)
    started = time.monotonic()
    with Machines(HOSTS, folder / "machines.log") as machines:
        relay = Relay((SITE, PORT), ("127.0.0.1", port), wire, random.Random(options.seed + 1))
        hosts = {name: Host(name, machine.enter, broker=False) for name, machine in machines.hosts.items()}
        with running(state, port, relay, hosts) as site:
            reached = reach(machines, port)
            before = {name: site.pid(name) for name in HOSTS}
            people = People(site.url, site.tokens, wanted, seconds=min(60.0, jobs / 3))
            partitions = Partitions(machines, site.database, rounds, rest=1.0 if options.short else 5.0)
            during = carried_out(site, people, partitions)
            died = sum(site.pid(name) != pid for name, pid in before.items())
            found = verdict(site.database, state / "files", wanted, shown())
            report = told(site, partitions, found, during) | reached
        wires = {"packets": relay.counted["packets"], "packets_lost": relay.counted["lost"]}
    return report | wires | {
        "connections_cut": relay.counted["cut"], "latency_ms": 1000 * wire.latency, "loss": wire.loss,
        "workers_died": died, "seed": options.seed, "seconds": round(time.monotonic() - started, 1),
        "found": [*found["found"], *partitions.broken],
    }  # fmt: skip


def carried_out(site: Site, people: People, partitions: Partitions) -> Counter[str]:
    """Submissions and partitions, until both have ended; returns which rules were broken meanwhile."""
    threads: list[threading.Thread] = [*people.start(), partitions]
    partitions.start()
    during = Counter[str]()
    while partitions.is_alive():
        during += attended(site, people, 5.0)
        partitions.join(0.25)
    during += attended(site, people, CALM)
    people.over.set()
    for thread in threads:
        thread.join()
    return during


def reach(machines: Machines, port: int) -> dict[str, Any]:
    """What a host reaches, and how far away the site is."""
    first, other = machines.hosts[HOSTS[0]], machines.hosts[HOSTS[1]]
    command = [*first.enter, sys.executable, "-c", TRY, SITE, str(port), other.address]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)
    only = (found["site"], found["own"], found["other"]) == ("", "ECONNREFUSED", "ENETUNREACH")
    if not only:
        print(f"FOUND {found}", flush=True)
    return {"reach_only_the_site": only, "round_trip_ms": found["round_trip_ms"]}


def told(site: Site, partitions: Partitions, found: dict[str, Any], during: Counter[str]) -> dict[str, Any]:
    jobs, attempts = site.database.rows("SELECT count(*), sum(attempt) FROM leaderboard_job")[0]
    recovered = [took for one in partitions.done for took in one.recovered.values()]
    taken = partitions.taken_over()
    log = (site.state / "log" / "site.log").read_text(errors="replace")
    apart = [one.seconds for one in partitions.done]
    zeros = {zero: found[zero] for zero in ("lost", "duplicated", "stuck", "mixed_attempts")}
    shards = {name: found[name] for name in ("sharded", "shards", "shards_done", "items_of_shards")}
    return {
        "hosts": len(HOSTS), "jobs": jobs, "attempts": int(attempts), "succeeded": found["succeeded"],
        "cancelled": found["cancelled"], **shards, **zeros,
        "invariant_violations": found["invariant_violations"] + during.total(),
        "drill_broken": len(partitions.broken), "partitions": len(apart), "partition_s": round(sum(apart), 1),
        "longest_partition_s": round(max(apart, default=0.0), 1), "recovery_s": middle(recovered),
        "recovery_worst_s": round(max(recovered, default=0.0), 2), "lease_s": LEASE, "taken_over": len(taken),
        "takeover_s": middle(taken), "takeover_worst_s": round(max(taken, default=0.0), 2),
        "refused_writes": len(re.findall(r'/api/worker/v\d+/jobs/[^"]*" 409 ', log)),
    }  # fmt: skip


def middle(seconds: list[float]) -> float:
    return round(statistics.median(seconds), 2) if seconds else 0.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
