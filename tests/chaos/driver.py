"""What is done to the product: a seed draws which fault comes next, upon whom, and when; the network has its own draws.

Faults are only signals, statements and commands; whoever dies is started again by `Processes.check` in the main thread.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import redis

from tests.chaos.site import LEASE, WORKERS, Site
from tests.faults.proxy import Fate, Plan
from tests.stack import Process, processes

WEIGHTS = {
    "kill a worker": 16,
    "kill a child": 24,
    "stop a worker": 8,
    "stop a child": 5,
    "kill the site's worker": 3,
    "kill the scheduler": 2,
    "kill a web process": 3,
    "kill the broker": 4,
    "empty the broker": 6,
    "restart the database": 3,
    "kill the database": 2,
    "end connections": 7,
}
FATES: dict[Fate, float] = {"drop": 0.04, "cut": 0.02, "twice": 0.05, "delay": 0.03, "late": 0.03, "again": 0.04}
"""What the network does to a call, and how often; to all others nothing."""


class Network:
    """A plan for the proxy: bad while it is `bad`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._lock = chance, threading.Lock()
        self.bad = True

    def plan(self) -> Plan:
        return lambda method, path, turn: self._fate()

    def delay(self) -> float:
        """Seconds: some calls come only when the lease is long out."""
        with self._lock:
            return self._chance.choice([0.2, 0.6, 1.5, LEASE + 1.0])

    def _fate(self) -> Fate:
        with self._lock:
            draw = self._chance.random()
        for fate, share in FATES.items():
            if self.bad and draw < share:
                return fate
            draw -= share
        return "pass"


class Driver:
    """Does one fault after the other until it is `over`; `done` counts them by name."""

    def __init__(self, site: Site, chance: random.Random, pause: float) -> None:
        self.site, self._chance, self._pause = site, chance, pause
        self.over = threading.Event()
        self.done: Counter[str] = Counter()
        self.broken: list[str] = []
        """Exceptions of the driver itself: a run in which it did nothing proves nothing."""
        self._began = time.monotonic()
        self._stopped: dict[int, tuple[int, float]] = {}
        """Stopped processes: their birth, and when they go on."""
        self._faults: dict[str, Callable[[], bool]] = {
            "kill a worker": lambda: self._kill(self._worker()),
            "kill a child": lambda: self._kill(self._child()),
            "stop a worker": lambda: self._stop(self._worker()),
            "stop a child": lambda: self._stop(self._child()),
            "kill the site's worker": lambda: self._kill(self.site.pid("site-worker")),
            "kill the scheduler": lambda: self._kill(self.site.pid("scheduler")),
            "kill a web process": lambda: self._kill(self._below([self.site.pid("site")], "gunicorn")),
            "kill the broker": lambda: self._kill(self.site.server("valkey")),
            "empty the broker": self._empty,
            "restart the database": lambda: self._signal(self.site.server("postgres"), signal.SIGINT),
            "kill the database": lambda: self._kill(self.site.server("postgres")),
            "end connections": lambda: self.site.database.end_connections(self._chance.uniform(0.3, 1.0)) > 0,
        }
        assert set(self._faults) == set(WEIGHTS)

    def run(self) -> None:
        """For a thread of its own. Everything that was stopped goes on in the end."""
        try:
            while not self.over.wait(self._pause * self._chance.uniform(0.4, 1.6)):
                self._wake(time.monotonic())
                name = self._chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
                if self._faults[name]():
                    self.done[name] += 1
                    print(f"{time.monotonic() - self._began:7.1f} s  {name}", flush=True)
        except Exception as error:
            self.broken.append(f"{type(error).__name__}: {error}")
            raise
        finally:
            self._wake(float("inf"))

    def _worker(self) -> int | None:
        alive = [pid for name in WORKERS if (pid := self.site.pid(name)) is not None]
        return self._chance.choice(alive) if alive else None

    def _child(self) -> int | None:
        """The leader of an evaluation's group, not the watchdog beside it."""
        return self._below([self.site.pid(name) for name in WORKERS], "evaluator.watchdog")

    def _below(self, parents: list[int | None], words: str) -> int | None:
        found = [pid for pid, one in processes().items() if one.parent in parents and words in one.command]
        return self._chance.choice(sorted(found)) if found else None

    def _kill(self, pid: int | None) -> bool:
        return self._signal(pid, signal.SIGKILL)

    def _stop(self, pid: int | None) -> bool:
        """Past its lease: whoever goes on after that has lost its job without knowing it."""
        one = processes().get(pid or 0)
        if pid is None or one is None or not self._signal(pid, signal.SIGSTOP):
            return False
        self._stopped[pid] = (one.born, time.monotonic() + LEASE + self._chance.uniform(0.5, 3.0))
        return True

    def _wake(self, now: float) -> None:
        """Let those go on whose time is over."""
        table: dict[int, Process] = processes()
        for pid, (born, until) in list(self._stopped.items()):
            if until <= now:
                del self._stopped[pid]
                if pid in table and table[pid].born == born:
                    self._signal(pid, signal.SIGCONT)

    def _signal(self, pid: int | None, number: signal.Signals) -> bool:
        """False where there is nobody (any more)."""
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def _empty(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=self.site.broker_socket, socket_timeout=2) as broker:
                return bool(broker.flushall())
        except redis.RedisError:
            return False  # it is away itself
