"""Runs programs that a model wrote: where they reach nothing, for a while, and with what they did as the result.

Generation and execution are apart: programs run over outputs that are there already, and the process that runs an
engine never runs one of them itself. Nothing here knows lm-eval (`evaluator.engines.code_eval` does).
"""

import json
import os
import secrets
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from evaluator.sandboxing import walls

POLL_SECONDS = 0.05
KEPT_CHARACTERS = 65_536
VERDICT_BYTES = 4_096


class Unsafe(Exception):
    """This host cannot keep a program in; the message says what was tried and what happened."""


@dataclass(frozen=True)
class Limits:
    """What one program may use, its children included unless it says "each"."""

    wall_seconds: float = 30.0
    cpu_seconds: int = 10
    """Each process, of processor time, so that a busy host fails no program. lm-eval's `code_eval` gives 3 s by the
    clock, which MBPP's own solution of problem 123 exceeds on slow cores."""
    memory_bytes: int = 2**30
    processes: int = 32
    """Threads count."""
    open_files: int = 64
    file_bytes: int = 16 * 2**20
    """Each file."""
    scratch_bytes: int = 64 * 2**20
    output_bytes: int = 2**20


@dataclass(frozen=True)
class Result:
    """How a program ended. `reason` says why it did not pass, "" where it did; `stdout` has what it printed, errors
    too, at most `KEPT_CHARACTERS` of it."""

    passed: bool
    reason: str
    stdout: str
    seconds: float


def run(source: str, *, limits: Limits | None = None, packages: Path | None = None) -> Result:
    """Run Python source to its end: it passes when it raises nothing and does not leave early.

    `packages` is a folder that it may import from besides the standard library. Raises Unsafe where the host has no
    working wall; nothing is run then.
    """
    return run_behind(chosen_wall(), source, limits=limits or Limits(), packages=packages)


def run_all(
    sources: Sequence[str], *, limits: Limits | None = None, packages: Path | None = None, workers: int | None = None
) -> list[Result]:
    """As `run` for each, several at once: as many as there are cores, unless told."""
    wall, rules = chosen_wall(), limits or Limits()
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda source: run_behind(wall, source, limits=rules, packages=packages), sources))


@lru_cache(maxsize=1)
def chosen_wall() -> walls.Wall:
    """The first kind of wall that holds on this host; raises Unsafe when none does. Tested once a process."""
    found: list[str] = []
    for wall in walls.kinds():
        try:
            reason = self_test(wall)
        except OSError as error:
            reason = f"it could not be started ({error})"
        if not reason:
            return wall
        found.append(f"{wall.name}: {reason}")
    raise Unsafe("Programs are not run on this host, because nothing here keeps them in. " + "; ".join(found) + ".")


PROBE = """
import os, socket
assert set(os.environ) <= {{"PWD", "LC_CTYPE"}}, "it sees the worker's environment"
assert not os.path.exists({canary!r}), "it sees the host's files"
for path in ("/parity", "/usr/parity", "/dev/parity", "/dev/shm/parity"):
    try:
        open(path, "w")
    except OSError:
        continue
    raise AssertionError(f"it can write {{path}}")
others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) > 20]
assert not others, "it sees the host's processes"
assert {outside} not in (os.getuid(), os.geteuid()) or os.getuid() == 65534, "it runs as the worker's user"
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=1)
except OSError:
    pass
else:
    raise AssertionError("it reaches the host's network")
"""


def self_test(wall: walls.Wall) -> str:
    """Whether a wall holds: "" or what got through it. Programs try what must fail, and one must run."""
    with (
        tempfile.NamedTemporaryFile(prefix="parity-canary-") as canary,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        quick = Limits(wall_seconds=5.0, cpu_seconds=2)
        probe = PROBE.format(canary=canary.name, outside=os.getuid(), port=server.getsockname()[1])
        seen = run_behind(wall, probe, limits=quick, packages=None)
        if not seen.passed:
            return f"{seen.reason} {seen.stdout[-300:]}".strip()
        if run_behind(wall, "raise SystemExit(0)", limits=quick, packages=None).passed:
            return "a program that leaves early passes"
        if run_behind(wall, "while True: pass", limits=Limits(wall_seconds=0.5), packages=None).passed:
            return "an endless program passes"
    return ""


def run_behind(wall: walls.Wall, source: str, *, limits: Limits, packages: Path | None) -> Result:
    """Run a program behind this wall, whether or not it was tested."""
    token = secrets.token_hex(16)
    request = {
        "source": source,
        "token": token,
        "uid": walls.other_user(),
        "limits": {name: value for name, value in asdict(limits).items() if isinstance(value, int)},
        "packages": str(packages) if packages else None,
    }
    started = time.monotonic()
    reading, writing = os.pipe()
    try:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(json.dumps(request).encode())
            stdin.seek(0)
            process = subprocess.Popen(
                wall.command(
                    walls.inner_command(writing),
                    read_only=walls.visible(packages),
                    scratch_bytes=limits.scratch_bytes,
                ),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={},
                cwd="/",
                pass_fds=(writing,),
                start_new_session=True,
            )
        os.close(writing)
        writing = -1
        assert process.stdout is not None
        with process.stdout as stdout:
            stopped, output = watch(process, stdout, limits, started + limits.wall_seconds)
        verdict = read_verdict(reading)
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    passed = not stopped and verdict == f"passed {token}"
    reason = "" if passed else stopped or reason_of(verdict, process.returncode, limits)
    text = output.decode(errors="replace")[:KEPT_CHARACTERS]
    return Result(passed=passed, reason=reason, stdout=text, seconds=time.monotonic() - started)


def watch(process: subprocess.Popen[bytes], stdout: IO[bytes], limits: Limits, deadline: float) -> tuple[str, bytes]:
    """Read what the program prints until all of it has ended; (why it was stopped or "", the output)."""
    output, stopped, ended = bytearray(), "", False
    try:
        while not (ended and process.poll() is not None):
            ready, _, _ = select.select([stdout] if not ended else [], [], [], POLL_SECONDS)
            if ready:
                piece = os.read(stdout.fileno(), 65_536)
                ended = not piece
                output += piece
            if len(output) > limits.output_bytes:
                stopped = f"It printed more than {limits.output_bytes:,} bytes."
            elif time.monotonic() > deadline:
                stopped = f"It did not end within {limits.wall_seconds:g} s."
            elif not ready and memory_of(process.pid) > limits.memory_bytes:
                stopped = f"It used more than {limits.memory_bytes // 2**20:,} MiB of memory."
            if stopped:
                break
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # and with it, by its death signal, everything behind the wall
        process.wait()
    return stopped, bytes(output)


def memory_of(pid: int) -> int:
    """Bytes in memory of a process and everything that it started. Shared pages count each time."""
    total, waiting = 0, [pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        try:
            total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for thread in (folder / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return total


def read_verdict(pipe: int) -> str:
    """What `inside` wrote; "" where it wrote nothing. Everything that held the other end has ended."""
    os.set_blocking(pipe, False)
    try:
        return os.read(pipe, VERDICT_BYTES).decode(errors="replace")
    except BlockingIOError:
        return ""


def reason_of(verdict: str, status: int, limits: Limits) -> str:
    """Why a program did not pass, in a sentence or an exception's words."""
    if verdict.startswith("failed "):
        return verdict.removeprefix("failed ")
    if verdict:
        return "It wrote a verdict of its own."
    number = -status if status < 0 else status - 128
    if number == signal.SIGXCPU:
        return f"It used more than {limits.cpu_seconds} s of processor time."
    if number in set(signal.Signals):
        return f"It was ended by {signal.Signals(number).name}."
    return f"It left by itself (exit status {status}) before its tests had ended."
