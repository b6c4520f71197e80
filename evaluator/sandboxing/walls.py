"""What keeps an untrusted program in: the command line that starts `inside` where nothing can be reached.

Both kinds give the program namespaces of its own (processes, network, mounts, IPC, host name), the interpreter and
the system's libraries read-only, an empty root otherwise, and /tmp in memory. As root the program becomes a user that
owns nothing; else it stays the worker's user, without any right, in a user namespace.
"""

import json
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).resolve().parent
INSIDE, NAMESPACES = HERE / "inside.py", HERE / "namespaces.py"
INTERPRETER = Path(sys.executable).resolve()
USERS_FROM, USERS = 1_900_000_000, 100_000_000
"""User numbers that no host gives to anybody: one at random for each program, so that its limits are its own."""
SYSTEM = ("/bin", "/lib", "/lib64")
SCRATCH = "/tmp"  # noqa: S108
"""Of the program alone, in memory."""


class Wall(Protocol):
    """A way to start a command where it can reach nothing."""

    @property
    def name(self) -> str: ...

    def command(self, inner: list[str], *, read_only: list[Path], scratch_bytes: int) -> list[str]:
        """The command line that starts `inner` behind the wall, seeing these paths."""
        ...


@dataclass(frozen=True)
class Bubblewrap:
    """Walls by bubblewrap, https://github.com/containers/bubblewrap."""

    program: str
    name: str = "bubblewrap"

    def command(self, inner: list[str], *, read_only: list[Path], scratch_bytes: int) -> list[str]:
        options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        options += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL"]
        if os.getuid() == 0:  # to become somebody else, and only for that
            options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            options += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
        options += ["--size", str(scratch_bytes), "--perms", "1777", "--tmpfs", SCRATCH]  # first: some may lie in there
        parents = {parent for path in read_only for parent in path.parents} - {Path("/"), Path(SCRATCH)}
        for folder in sorted(parents):
            options += ["--perms", "0755", "--dir", str(folder)]  # or only root could pass through
        for path in read_only:
            options += ["--ro-bind", str(path), str(path)]
        for target, link in links():
            options += ["--symlink", target, link]
        options += ["--proc", "/proc", "--dev", "/dev"]
        options += ["--chdir", SCRATCH, "--remount-ro", "/dev", "--remount-ro", "/"]
        return [self.program, *options, "--", *inner]


@dataclass(frozen=True)
class Namespaces:
    """Walls by the kernel's namespaces, made by `namespaces.py`."""

    name: str = "namespaces"

    def command(self, inner: list[str], *, read_only: list[Path], scratch_bytes: int) -> list[str]:
        plan = {
            "read_only": [str(path) for path in read_only],
            "links": links(),
            "scratch_bytes": scratch_bytes,
            "parent": os.getpid(),
        }
        return [str(INTERPRETER), "-I", "-S", str(NAMESPACES), json.dumps(plan), *inner]


def kinds() -> list[Wall]:
    """What this host may have, the preferred one first."""
    program = shutil.which("bwrap")
    return [Namespaces()] if program is None else [Bubblewrap(program), Namespaces()]


def links() -> list[tuple[str, str]]:
    """(target, path) of the system's folders that are links into /usr."""
    return [(str(Path(path).readlink()), path) for path in SYSTEM if Path(path).is_symlink()]


def visible(packages: Path | None) -> list[Path]:
    """What a program sees of the host: the system's programs and libraries, the interpreter, `inside`, packages."""
    system = [Path(path) for path in ("/usr", *SYSTEM) if Path(path).is_dir() and not Path(path).is_symlink()]
    others = [Path(sys.base_prefix).resolve(), INSIDE, *([packages] if packages else [])]
    return system + [path for path in others if not any(path.is_relative_to(seen) for seen in system)]


def inner_command(verdict: int) -> list[str]:
    """What runs behind the wall."""
    return [str(INTERPRETER), "-I", "-S", "-B", str(INSIDE), str(verdict)]


def other_user() -> int | None:
    """The user that the program becomes; None where the worker is not root and cannot become anybody."""
    return USERS_FROM + secrets.randbelow(USERS) if os.getuid() == 0 else None
