"""Machines that are network namespaces: this process is the site's, each host has one cable to it and to nobody else.

A host reaches `SITE` and nothing more: nobody forwards. A namespace lives as long as the process that holds it, so that
nothing is left behind whoever is killed. All of it works as root, and in a user namespace without root.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from leaderboard.embedded import process

SITE = "10.77.0.1"
"""The site's address, the same for every host."""
PROGRAMS = ("unshare", "nsenter", "ip")
TRIAL = "ip link set lo up && ip link add parity0 type veth peer name parity1"


class Impossible(Exception):
    """Namespaces cannot be made here; the message says why."""


def prefix() -> tuple[str, ...]:
    """What goes before a command for it to run in a network of its own, with the right to make cables. Raises
    Impossible."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise Impossible(f"{', '.join(missing)} is not installed (Debian's packages iproute2 and util-linux).")
    own = ("unshare", "--net")
    tried = own if os.geteuid() == 0 else ("unshare", "--user", "--map-current-user", "--keep-caps", "--net")
    found = subprocess.run([*tried, "sh", "-c", TRIAL], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Impossible(f"network namespaces are forbidden here: {found.stderr.strip()[:300]}")
    return tried


@dataclass(frozen=True)
class Machine:
    """One host: `enter` goes before a command that is to run there."""

    name: str
    number: int
    holder: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"10.77.{self.number}.2"

    @property
    def cable(self) -> str:
        """The site's end."""
        return f"to-{self.name}"

    @property
    def enter(self) -> tuple[str, ...]:
        return ("nsenter", f"--net=/proc/{self.holder.pid}/ns/net")


class Machines:
    """The hosts inside a `with` block, by name. This process has to be in a network of its own (`prefix`)."""

    def __init__(self, names: Sequence[str], log: Path) -> None:
        self._names, self._log, self._held = names, log, ExitStack()
        self.hosts: dict[str, Machine] = {}

    def __enter__(self) -> Self:
        ip("link set lo up")
        ip(f"address add {SITE}/32 dev lo")
        with self._held:  # also when one of them cannot be made
            for number, name in enumerate(self._names, start=1):
                self.hosts[name] = self._made(name, number)
            self._held = self._held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    def cut(self, name: str) -> None:
        """Take a host's cable out: what is on its way is lost, and nobody is told."""
        ip(f"link set {self.hosts[name].cable} down")

    def heal(self, name: str) -> None:
        ip(f"link set {self.hosts[name].cable} up")

    def _made(self, name: str, number: int) -> Machine:
        holder = process.spawn(
            ["unshare", "--net", "sleep", "infinity"], log=self._log, death_signal=signal.SIGKILL, new_session=False
        )
        self._held.callback(process.stop, holder, signal=signal.SIGKILL, seconds=10)
        until_apart(holder)
        made, gate = Machine(name, number, holder), f"10.77.{number}.1"
        ip(f"link add {made.cable} type veth peer name site netns {holder.pid}")
        ip(f"address add {gate}/30 dev {made.cable}")
        ip(f"link set {made.cable} up")
        ip("link set lo up", made.enter)
        ip(f"address add {made.address}/30 dev site", made.enter)
        ip("link set site up", made.enter)
        ip(f"route add {SITE}/32 via {gate}", made.enter)
        return made


def until_apart(holder: subprocess.Popen[bytes]) -> None:
    """Wait until a process has left this network: it does so between its start and its program."""
    mine, deadline = Path("/proc/self/ns/net").readlink(), time.monotonic() + 10
    while Path(f"/proc/{holder.pid}/ns/net").readlink() == mine:
        if holder.poll() is not None or time.monotonic() > deadline:
            raise Impossible("a host's namespace was not made.")
        time.sleep(0.01)


def ip(arguments: str, enter: Sequence[str] = ()) -> None:
    """Debian's `ip`, in the site's network or a host's. Raises RuntimeError with what it said."""
    done = subprocess.run([*enter, "ip", *arguments.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {arguments}: {done.stderr.strip()}")
