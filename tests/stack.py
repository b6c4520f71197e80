"""Starts the whole demonstration as a person would, in its own state folder and on its own port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.environment import ROOT

READY, SERVING = "Parity is ready at", "Serving."
INHERITED = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}


@dataclass
class Stack:
    """A running demonstration."""

    process: subprocess.Popen[bytes]
    url: str
    state: Path
    output: Path
    started: float
    seen: set[tuple[int, int]] = field(default_factory=set)

    @property
    def token(self) -> str:
        return (self.state / "demo-token").read_text()

    def said(self) -> str:
        return self.output.read_text(errors="replace").replace("\r", "\n")

    def wait_for(self, words: str, *, seconds: float, times: int = 1) -> float:
        """Wait until it says `words` (the n-th time); returns the seconds since the start."""
        deadline = time.monotonic() + seconds
        while self.said().count(words) < times:
            status = self.process.poll()
            assert status is None, f"it ended with status {status}:\n{self.said()[-3000:]}"
            assert time.monotonic() < deadline, f"it did not say {words!r} in {seconds} s:\n{self.said()[-3000:]}"
            time.sleep(0.05)
        return time.monotonic() - self.started

    def http(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=False)

    def processes(self) -> dict[int, str]:
        """Every process of this stack that lives: pid -> command.

        Those below its own process, and those seen there before: an orphan has another parent, and some programs
        overwrite the command line and environment that they could be known by.
        """
        table = processes()
        below = {self.process.pid}
        while grown := {pid for pid, one in table.items() if one.parent in below} - below:
            below |= grown
        self.seen |= {(pid, table[pid].born) for pid in below if pid in table}
        return {pid: one.command for pid, one in table.items() if (pid, one.born) in self.seen}

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


class Process(NamedTuple):
    """`born`: clock ticks since the boot, which tells a process from a later one with the same number."""

    parent: int
    born: int
    command: str


def processes() -> dict[int, Process]:
    """Every process of this machine that is not a zombie."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if fields[0] != "Z":
            found[int(entry.name)] = Process(int(fields[1]), int(fields[19]), command)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment_for(state: Path, port: int, **more: str) -> dict[str, str]:
    """The environment of a fresh shell that runs `make run`: nothing of the test run's own servers."""
    kept = {name: value for name, value in os.environ.items() if name not in INHERITED}
    kept.pop("PARITY_URL", None)
    return {**kept, "PARITY_MODE": "demo", "PARITY_STATE": str(state), "PORT": str(port), **more}


def manage(state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a management command on the stack's state."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment_for(state, 8000, **more), capture_output=True, text=True, check=False
    )


@contextmanager
def running(state: Path, *arguments: str, **more: str) -> Iterator[Stack]:
    """A demonstration that is gone when the block ends."""
    port, output = free_port(), state / "said.txt"
    with output.open("wb") as out:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "leaderboard.demo", *arguments],
            cwd=ROOT,
            env=environment_for(state, port, **more),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack = Stack(process, f"http://127.0.0.1:{port}", state, output, started)
    try:
        yield stack
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def with_model(state: Path, mirror: Path) -> Path:
    """Give a fresh state folder the demo's model without making it again."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "mirror").symlink_to(mirror)
    return state
