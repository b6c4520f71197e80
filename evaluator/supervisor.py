"""Starts a child for a run, watches it, and leaves nothing of it behind. Knows no site and no broker."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from evaluator import run
from evaluator.engines import environment

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
GRACE_SECONDS = 5.0
LOG_LINES = 20


class Stopped(Exception):
    """The watcher asked for the end of the run (cancelled, lease lost, shutdown)."""


class Died(Exception):
    """The child ended without an outcome.

    `retry`: it was killed from outside (out of memory, an operator), which another attempt may survive; a crash of its
    own would only repeat.
    """

    def __init__(self, *, code: str, message: str, log: str, retry: bool) -> None:
        super().__init__(message)
        self.code, self.message, self.log, self.retry = code, message, log, retry


Watch = Callable[[run.Progress], None]
"""Called with the newest progress every `POLL_SECONDS`; raises Stopped to end the run."""


@dataclass
class Clock:
    """The time limits of one run, in seconds; None: none. Tasks that one call of lm-eval measures share the sum."""

    limit: float | None = None
    task_limit: float | None = None
    started: float = field(default_factory=time.monotonic)
    _call: int = 0
    _call_started: float = 0.0

    def check(self, progress: run.Progress) -> None:
        """Raise OutOfTime when the run, or the current call, has taken too long."""
        now = time.monotonic()
        if self.limit is not None and now - self.started > self.limit:
            raise OutOfTime(f"The evaluation took longer than the {self.limit:g} s that it may.")
        if progress.call != self._call:
            self._call, self._call_started = progress.call, now
        if self._call and self.task_limit is not None:
            allowed = self.task_limit * len(progress.tasks)
            if now - self._call_started > allowed:
                message = f"{', '.join(progress.tasks)} took longer than {allowed:g} s ({self.task_limit:g} s a task)."
                raise OutOfTime(message)


class OutOfTime(Exception):
    """A run that took longer than it may."""


def attempt(folder: Path, spec: run.RunSpec, working_folder: Path, watch: Watch, clock: Clock, module: str) -> int:
    """Run the child by this specification; returns its exit status."""
    run.write(folder, run.SPEC, spec)
    variables = environment.for_child(cache_bytes=spec.plan.cache_bytes)
    return run_child(module, folder, working_folder=working_folder, variables=variables, watch=watch, clock=clock)


Attempt = Callable[[Path, run.RunSpec, Path, Watch, Clock, str], int]
"""As `attempt`."""


def supervise(
    folder: Path,
    spec: run.RunSpec,
    *,
    working_folder: Path,
    watch: Watch,
    clock: Clock | None = None,
    module: str = "evaluator.harness",
    attempt: Attempt = attempt,
) -> run.Outcome:
    """Run `spec` in a child until it has an outcome; raises Died, or whatever `watch` raises.

    `module` is what the child runs, with `folder` as its argument. `working_folder` is where it looks for datasets
    first ("org/name" as a relative path). However this ends, the child's whole process group is gone afterwards, unless
    `attempt` keeps it (`evaluator.kept`).
    An engine that runs out of memory is started once more, by the run's fallback plan.
    """
    clock = clock or Clock()
    status = attempt(folder, spec, working_folder, watch, clock, module)
    if status == run.OUT_OF_MEMORY and spec.fallback is not None:
        log.warning("%s: %s", spec.model.name, spec.fallback.reasons[-1])
        (folder / run.FAILURE).unlink(missing_ok=True)
        second = replace(spec, plan=spec.fallback, fallback=None)
        status = attempt(folder, second, working_folder, watch, clock, module)
    outcome = run.read_outcome(folder)
    if status == 0 and outcome is not None:
        return outcome
    raise cause_of_death(folder, status)


def run_child(
    module: str,
    folder: Path,
    *,
    working_folder: Path,
    variables: dict[str, str],
    watch: Watch,
    clock: Clock,
    secret: str = "",
) -> int:
    """Run a module with `folder` as its argument until it ends; returns its exit status, negative for a signal.

    `secret` is what it reads from stdin. Raises Died when it takes longer than `clock` allows, or whatever `watch`
    raises; nothing of it is left then.
    """
    reading, writing = os.pipe()
    try:
        try:
            child = start(module, folder, working_folder, variables, reading)
        finally:
            os.close(reading)
        try:
            hand_over(child, secret)
            follow(folder, lambda: child.poll() is not None, watch=watch, clock=clock)
        finally:
            end_group(child)
        return child.returncode
    finally:
        os.close(writing)


def follow(folder: Path, ended: Callable[[], bool], *, watch: Watch, clock: Clock) -> None:
    """Watch the run in `folder` until it has ended; raises Died when it takes too long, or whatever `watch` raises."""
    try:
        while not ended():
            progress = run.read_progress(folder)
            watch(progress)
            clock.check(progress)
            time.sleep(POLL_SECONDS)
    except OutOfTime as error:
        log = run.log_tail(folder, limit=8_000)
        raise Died(code="time_limit", message=str(error), log=log, retry=False) from error


def start(
    module: str, folder: Path, working_folder: Path, variables: dict[str, str], pipe: int, *arguments: str
) -> subprocess.Popen[bytes]:
    """The child, leader of its own session, with its output in child.log; `arguments` follow the folder."""
    command = [sys.executable, "-m", "evaluator.watchdog", str(pipe), module, str(folder), *arguments]
    package_root = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [package_root, variables.get("PYTHONPATH")]))
    with (folder / run.LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=working_folder,
            env={**variables, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(pipe,),
            start_new_session=True,
        )


def hand_over(child: subprocess.Popen[bytes], secret: str) -> None:
    """Write a short secret, which fits into the pipe's buffer, and close the child's stdin."""
    assert child.stdin is not None
    try:
        with child.stdin as stdin:
            stdin.write(secret.encode())
    except BrokenPipeError:
        pass  # it has died already, and its status tells


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the child's process group and wait for the child."""
    if child.poll() is None:
        signal_group(child, signal.SIGTERM)
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # asked and waited; now it is killed with the rest
    signal_group(child, signal.SIGKILL)
    child.wait()


def signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass  # nothing of the group is left, which is what was wanted


def cause_of_death(folder: Path, status: int) -> Died:
    """What to tell people about a child that ended without an outcome."""
    log = run.log_tail(folder, limit=8_000)
    failure = run.read_failure(folder)
    if failure is not None:  # where memory ran out, a worker with more of it may do better
        retry = status == run.OUT_OF_MEMORY
        return Died(code=failure.code, message=failure.message, log=log, retry=retry)
    last = "\n".join(log.strip().splitlines()[-LOG_LINES:])
    if status == -signal.SIGKILL:
        what = "The evaluation was killed from outside (the machine may have run out of memory)."
        return Died(code="child_killed", message=f"{what} Its last lines:\n{last}", log=log, retry=True)
    if status == run.DISK_FULL:
        what = (
            "The worker's disk is full. What was measured before is kept. Free some space, or lower PARITY_REPLAY_GB."
        )
        return Died(code="disk_full", message=f"{what} Its last lines:\n{last}", log=log, retry=True)
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    return Died(
        code="child_died", message=f"The evaluation crashed ({how}). Its last lines:\n{last}", log=log, retry=False
    )
