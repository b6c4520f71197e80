"""Child processes that never outlive the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.embedded.errors import EmbeddedError

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Running:
    """A server that this process started and that accepts connections."""

    process: subprocess.Popen[bytes]
    data: Path
    folder: Path  # holds the server's Unix socket
    log: Path


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    new_session: bool = True,
    user: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child that the kernel sends `death_signal` when its parent ends, be it by SIGKILL.

    "Parent" means the *thread* that calls this, not the process: a child started from a thread gets the signal when
    that thread ends, so start long-lived children from the main thread. The promise holds on Linux only.

    stdout and stderr are appended to `log`; stdin is empty. `new_session` keeps a terminal's Ctrl-C and hang-up away
    from the child, and lets `stop` kill its whole process group. `user` and `group` (numeric) drop privileges for good.

    Raises OSError when the command can't be run.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=new_session,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            preexec_fn=_follow_parent(death_signal),  # only system calls, no locks: safe beside threads
        )


def _follow_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec; everything it needs is loaded here, before the fork."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def follow() -> None:  # runs after the change of user, which would clear the setting
        if death_signal is not signal.SIGKILL:
            # Ignored and blocked signals are inherited (a shell's "&" ignores SIGINT), and would swallow the message.
            signal.signal(death_signal, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [death_signal])
        if prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        if os.getppid() != parent:  # the parent ended before prctl: the kernel will send nothing any more
            signal.raise_signal(death_signal)

    return follow


def stop(process: subprocess.Popen[bytes], *, signal: signal.Signals, seconds: float) -> int:
    """Send `signal`, wait up to `seconds`, then kill the process group; return the exit status.

    The process is gone when this returns, and also when it is interrupted by an exception.
    """
    try:
        process.send_signal(signal)
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return _kill(process)
    except BaseException:
        _kill(process)
        raise


def _kill(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        if os.getpgid(process.pid) == process.pid:  # only a group of its own: else it would be ours
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    return process.wait()


def wait_until_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], *, title: str, log: Path, since: int, seconds: float
) -> None:
    """Poll `ready` until it is true. `since` is the size of `log`, in bytes, before the start.

    Raises EmbeddedError, with the log's last lines, when the process ends or `seconds` pass; it is stopped then.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise EmbeddedError(f"{title} ended with status {process.returncode} at its start.{tail(log, since)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{title} did not accept connections within {seconds:.0f} s.{tail(log, since)}")
        time.sleep(0.02)


def size(log: Path) -> int:
    """Bytes in the log so far; 0 when there is none."""
    return log.stat().st_size if log.exists() else 0


def tail(log: Path, since: int, lines: int = 12) -> str:
    """The last lines that were written to `log` after byte `since`, under a heading, to end an error message with."""
    if size(log) <= since:
        return f" It wrote nothing to {log}."
    with log.open("rb") as file:
        file.seek(max(since, size(log) - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join([f" The last lines of {log}:", *(f"    {line}" for line in text.splitlines()[-lines:])])
