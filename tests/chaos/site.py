"""The product of a chaos run: servers, site, scheduler, and three evaluation workers behind a network that fails.

Each worker has a folder of its own, as if it were a host of its own, so that responses travel by the site; two of them
have the same name. Whatever dies is started again, as an operator's supervisor would do it.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import django
import httpx
from django.core.management import call_command

from leaderboard import environment
from leaderboard.demo import journey
from leaderboard.demo.processes import Processes, Program, programs
from leaderboard.embedded import leftover, valkey
from tests import environment as environment_of_tests
from tests.chaos import child
from tests.chaos.database import Database
from tests.faults.checkpoints import SUITE, make_model
from tests.faults.proxy import Proxy
from tests.hosts.relay import Relay

OWNERS, MODELS = 4, 64
LEASE, HEARTBEAT = 4.0, 0.5
TIMES = {
    "PARITY_LEASE_SECONDS": str(LEASE),
    "PARITY_HEARTBEAT_SECONDS": str(HEARTBEAT),
    "PARITY_RECONCILE_SECONDS": "0.75",
    "PARITY_RETRY_SECONDS": "0.2",
    "PARITY_MAX_LOSSES": "60",
    "PARITY_HANDOVER_SECONDS": "0.5",
    "PARITY_KEEP_ENGINE_SECONDS": "2",
    "PARITY_SHARDS": "3",
    "PARITY_SHARD_ITEMS": "8",
}


@dataclass(frozen=True)
class Host:
    """A worker's machine: the name that it tells the site, and what goes before a command that is to run there. Without
    the `broker` it asks the site for jobs."""

    name: str
    enter: tuple[str, ...] = ()
    broker: bool = True


WORKERS = {"first": Host("w1"), "second": Host("twin"), "third": Host("twin")}
"""By what they are called here."""
SUITES = {"instant": 0.1, "short": 0.6, "long": 3.0}
"""By name: seconds that an evaluation takes, beside the start of its process. The longest has shards."""


@dataclass(frozen=True)
class Site:
    """A running product. `url` is the site's own address, `network` the one by which everybody reaches it."""

    processes: Processes
    database: Database
    state: Path
    broker_socket: str
    url: str
    network: Proxy | Relay
    tokens: list[str]

    def pid(self, program: str) -> int | None:
        """Of a program that runs now."""
        process = self.processes._running.get(program)
        return process.pid if process is not None and process.poll() is None else None

    def server(self, name: str) -> int | None:
        """`postgres` or `valkey`; None while it is away."""
        file = self.state / name / {"postgres": "postmaster.pid", "valkey": "valkey.pid"}[name]
        try:
            pid = int(file.read_text().split()[0])
        except (OSError, IndexError):
            return None
        return pid if str(self.state / name) in leftover.command(pid) else None


def prepared(state: Path, port: int, url: str = "") -> None:
    """The environment of a run, before anything of Django is used; with servers of its own, not those of the tests."""
    environment_of_tests.pytest_unconfigure()
    url = url or f"http://127.0.0.1:{port}"
    kept = {"PARITY_MODE": "demo", "PARITY_STATE": str(state), "PARITY_URL": url, **TIMES}
    for name in ("DATABASE_URL", "REDIS_URL", "PARITY_HUB_MIRROR"):
        os.environ.pop(name, None)
    os.environ.update(kept, HF_HUB_OFFLINE="1", PARITY_RATES="api=0,address=0,search=0,submit=0,login=0")


def filled(state: Path) -> tuple[list[str], str]:
    """Tables, suites, models and people; returns the people's tokens and the workers'."""
    from django.conf import settings

    from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token

    call_command("migrate", verbosity=0, interactive=False)
    for number in range(MODELS):
        make_model(state / "mirror", f"org/m{number:02}", number + 2)
    for name, seconds in SUITES.items():
        file = state / f"{name}@1.yaml"
        items = len(child.items_of(f"{name}@1"))
        file.write_text(SUITE.format(name=name, does=f"take {seconds}", limit=items))
        call_command("load_suites", str(file), stdout=StringIO())
    people = [create_person(username=f"owner{number}", password=None) for number in range(OWNERS)]
    tokens = [create_api_token(owner=person.owner, user=person, name="chaos") for person in people]
    register_worker_token(name="chaos", token=settings.WORKER_TOKEN, trusted=True)
    django.db.connections.close_all()
    return tokens, settings.WORKER_TOKEN


def fleet(
    state: Path, port: int, network: str, worker_token: str, hosts: Mapping[str, Host] = WORKERS
) -> list[Program]:
    """The demonstration's programs, with these workers in place of its own."""
    own = programs(port=port, state=state, worker_token=worker_token)
    model = next(program for program in own if program.name == "worker")
    workers = [
        Program(
            called,
            (*host.enter, sys.executable, "-m", "evaluator", "worker"),
            {
                **{name: value for name, value in model.env.items() if host.broker or name != "REDIS_URL"},
                "PARITY_URL": network,
                "PARITY_STATE": str(state / called),
                "PARITY_WORKER_NAME": host.name,
                "PARITY_WORKER_CHILD": "tests.chaos.child",
            },
            model.death_signal,
            model.seconds,
        )
        for called, host in hosts.items()
    ]
    return [program for program in own if program.name not in ("worker", "api-worker")] + workers


@contextmanager
def running(state: Path, port: int, network: Proxy | Relay, hosts: Mapping[str, Host] = WORKERS) -> Iterator[Site]:
    """The product, answering; gone when the block ends. From the main thread only. Needs `prepared`."""
    with environment.prepare():
        django.setup()
        tokens, worker_token = filled(state)
        assert environment.servers is not None
        with network:
            programme = fleet(state, port, network.url, worker_token, hosts)
            processes = Processes(programme, state / "log", lambda text: print(f"  {text}"), environment.servers)
            url = f"http://127.0.0.1:{port}"
            try:
                processes.start()
                with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
                    journey.ask(http, "/api/v1/suites/", check=processes.check)
                with Database(environment.servers.database_url) as database:
                    yield Site(processes, database, state, str(socket_of(state)), url, network, tokens)
            finally:
                processes.stop()


def socket_of(state: Path) -> Path:
    """Where the broker listens, as its owner told in a file."""
    told = json.loads((state / "run" / "valkey.json").read_text())
    return Path(told["folder"]) / valkey.SOCKET
