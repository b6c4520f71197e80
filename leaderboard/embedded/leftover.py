"""Servers whose owner was killed: they end by themselves, and the next start waits for that."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from leaderboard.embedded.errors import EmbeddedError

GRACE_SECONDS = 2.0  # on Linux the kernel has told the server to end


def outlast(pid_file: Path, data: Path, *, title: str, signal: signal.Signals, seconds: float = 30) -> None:
    """Return when the process that `pid_file` names no longer uses `data`.

    It gets two seconds to end by itself, then `signal`. A file that names a process
    of another kind (numbers are reused after a power cut) is removed. Raises EmbeddedError after `seconds`.
    """
    start, asked = time.monotonic(), False
    while (pid := _read(pid_file)) is not None:
        if str(data) not in command(pid):
            pid_file.unlink(missing_ok=True)
            return
        waited = time.monotonic() - start
        if waited > seconds:
            raise EmbeddedError(
                f"{title} of an earlier run still uses {data} and does not end: `kill {pid}`, then try again."
            )
        if waited > GRACE_SECONDS and not asked:
            with contextlib.suppress(ProcessLookupError):  # it just ended
                os.kill(pid, signal)
            asked = True
        time.sleep(0.05)


def _read(pid_file: Path) -> int | None:
    """The number in the file's first line; None when there is none (it was just removed, or never fully written)."""
    try:
        words = pid_file.read_text(errors="replace").split()
    except FileNotFoundError:
        return None
    return int(words[0]) if words and words[0].isdigit() else None


def command(pid: int) -> str:
    """The command line of a living process, else an empty text."""
    if not Path("/proc/self/cmdline").exists():
        ps = ["ps", "-p", str(pid), "-o", "command="]
        return subprocess.run(ps, check=False, capture_output=True, text=True).stdout
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except (FileNotFoundError, ProcessLookupError):
        return ""
