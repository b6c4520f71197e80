"""Walls from Linux namespaces alone, where bubblewrap is not installed.

    python -I -S namespaces.py PLAN COMMAND [ARGUMENT ...]

PLAN is JSON: read_only (folders and files that are there, at their own paths), links ([target, path]), scratch_bytes,
and the process that starts this (parent).
The command runs as the second process of namespaces of its own: no network, no other processes, a root that holds what
the plan says and cannot be written, and /tmp in memory. When it ends, or whoever started this ends, the kernel ends
everything in there. Exit status: the command's, or 128 + signal.

As root the mounts need no user namespace, and the command is to become somebody else; otherwise one is made.
This file stands alone; it does not know what the command is for.
"""

import ctypes
import json
import os
import platform
import signal
import stat
import sys
from pathlib import Path
from typing import Any

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18,
)  # fmt: skip
MS_NOATIME, MS_NODIRATIME, MS_RELATIME = 1024, 2048, 1 << 21
MNT_DETACH, PR_SET_PDEATHSIG = 2, 1
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
DEVICES = ("null", "zero", "full", "random", "urandom")
NOBODY = 65534
SCRATCH = "/tmp"  # noqa: S108
"""Of the program alone, in memory."""

libc = ctypes.CDLL(None, use_errno=True)


def must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: Path | str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    texts = [text.encode() for text in (source, str(target), kind, data)]
    must(libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mounting {target}")


def main() -> int:
    plan, command = json.loads(sys.argv[1]), sys.argv[2:]
    end_with_parent()
    if os.getppid() != plan["parent"]:
        sys.exit("Whoever started this was gone before it began.")
    root = os.getuid() == 0
    uid, gid = os.getuid(), os.getgid()
    flags = NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS | NEWCGROUP | (0 if root else NEWUSER)
    must(libc.unshare(flags), "making namespaces")
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")
    child = os.fork()
    if child == 0:
        end_with_parent()
        build_root(plan)
        os._exit(run(command))
    return status_of(os.waitpid(child, 0)[1])


def end_with_parent() -> None:
    must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "asking for a death signal")


def run(command: list[str]) -> int:
    """As the first process of the namespace: start the command and wait for it, and for whatever it leaves behind."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(SCRATCH)
        os.execv(command[0], command)  # noqa: S606
    while True:
        pid, status = os.wait()
        if pid == child:
            return status_of(status)


def status_of(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def build_root(plan: dict[str, Any]) -> None:
    """Make the file system that the command sees, and go there; nothing leads back."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    sources = {path: os.open(path, os.O_PATH) for path in plan["read_only"]}  # some may lie where the root is made
    root = Path(SCRATCH)  # there on every host, and covered in this namespace alone
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    os.chdir("/")
    scratch = root / SCRATCH.lstrip("/")
    scratch.mkdir()
    mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, f"size={plan['scratch_bytes']},mode=1777")
    for path, source in sources.items():
        bind(Path(path), source, root)
        os.close(source)
    for target, path in plan["links"]:
        (root / path.lstrip("/")).symlink_to(target)
    for name in ("proc", "dev"):
        (root / name).mkdir()
    mount("proc", root / "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("tmpfs", root / "dev", "tmpfs", MS_NOSUID, "size=64k,mode=755")
    for name in DEVICES:
        device = root / "dev" / name
        device.touch()
        mount(f"/dev/{name}", device, "", MS_BIND)
    mount("", root / "dev", "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)
    os.chdir(root)
    must(libc.syscall(PIVOT_ROOT[platform.machine()], b".", b"."), "changing the root")
    must(libc.umount2(b".", MNT_DETACH), "leaving the old root")
    os.chdir("/")
    mount("", "/", "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def bind(path: Path, source: int, root: Path) -> None:
    """Show an opened folder or file at its own path, read-only. What the host's mount forbids stays forbidden."""
    target = root / str(path).lstrip("/")
    if stat.S_ISDIR(os.fstat(source).st_mode):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(f"/proc/self/fd/{source}", target, "", MS_BIND | MS_REC)
    known = os.statvfs(target).f_flag
    kept = sum(flag for flag in (MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME) if known & flag)
    relative = MS_RELATIME if known & os.ST_RELATIME else 0
    mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept | relative)


if __name__ == "__main__":
    sys.exit(main())
