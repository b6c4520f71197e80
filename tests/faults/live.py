"""What the fault tests do to a running demonstration, and what they ask it."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from leaderboard.embedded import leftover, valkey
from tests.faults import invariants
from tests.stack import Stack

QUICK, STEADY, SLOW = "quick@1", "steady@1", "slow@1"
"""Suites whose evaluation takes nothing, half a second, and six seconds."""


@dataclass(frozen=True)
class Live:
    """A demonstration under test."""

    stack: Stack
    database: str
    broker_socket: str

    @classmethod
    def of(cls, stack: Stack) -> "Live":
        """Where its servers answer, as their owner tells it: in files that are gone while a server is."""
        told = {name: json.loads((stack.state / "run" / f"{name}.json").read_text()) for name in ("postgres", "valkey")}
        return cls(stack, told["postgres"]["url"], str(Path(told["valkey"]["folder"]) / valkey.SOCKET))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """One query, straight to the database by a connection of its own."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def pid_of(self, *words: str) -> int:
        """The process of this stack whose command has one of these words, the oldest of them."""
        return min(pid for pid, command in self.stack.processes().items() if any(word in command for word in words))

    def worker(self) -> int:
        """Celery writes its own name over the command line where it can."""
        return self.pid_of("evaluator worker", "celeryd: worker.")

    def child(self) -> int:
        """The running evaluation: the leader of its group, not the watchdog beside it."""
        return self.pid_of("evaluator.watchdog")

    def server(self, name: str) -> int:
        """`postgres` or `valkey`."""
        file = {"postgres": "postmaster.pid", "valkey": "valkey.pid"}[name]
        pid = int((self.stack.state / name / file).read_text().split()[0])
        assert str(self.stack.state / name) in leftover.command(pid)
        return pid

    def kill(self, pid: int) -> float:
        """SIGKILL; returns the moment."""
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    def submit(self, http: httpx.Client, number: int, suite: str = QUICK) -> httpx.Response:
        return http.post("/api/v1/submissions/", json={"suite": suite, "model": f"org/m{number:02}"})

    def state_of(self, submission: int) -> str:
        return str(self.rows(f"SELECT state FROM leaderboard_submission WHERE id = {submission}")[0][0])

    def job_of(self, submission: int) -> tuple[str, int]:
        """State and attempt of a submission's job; nothing and 0 before it has one."""
        found = self.rows(f"SELECT state, attempt FROM leaderboard_job WHERE submission_id = {submission}")
        return (str(found[0][0]), int(found[0][1])) if found else ("", 0)

    def all_rules_hold(self) -> None:
        assert invariants.broken(self.rows) == {}


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait for `condition`; returns the moment. Fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return time.monotonic()
