"""A child that stays after its run, with its engine loaded, for the next run of the same revision and settings.

The supervisor's half is `Kept`, the child's `next_run`: a line on the child's stdin, JSON [run folder, working folder].
A run has ended well once its outcome is there; the child then waits for the next line and ends by itself when none
comes in time. A run that ends in any other way takes its child with it, so that no broken engine is met again.
"""

import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from evaluator import run
from evaluator.engines import environment
from evaluator.supervisor import Clock, Watch, end_group, follow, start

Key = tuple[object, ...]


@dataclass
class Child:
    """A process, the pipe that its watchdog reads, and what its engine is loaded for."""

    process: subprocess.Popen[bytes]
    pipe: int
    key: Key

    def tell(self, folder: Path, working_folder: Path) -> bool:
        """Ask for a run; False where nobody listens any more."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps([str(folder), str(working_folder)]).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        return self.process.poll() is None

    def end(self) -> None:
        """Kill what is left of it."""
        try:
            end_group(self.process)
        finally:
            os.close(self.pipe)
            assert self.process.stdin is not None
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass  # a line that nobody has read; closed all the same


class Kept:
    """At most one child, between runs or in one. Use from one thread at a time."""

    def __init__(self) -> None:
        self._child: Child | None = None

    def attempt(
        self,
        folder: Path,
        spec: run.RunSpec,
        working_folder: Path,
        watch: Watch,
        clock: Clock,
        module: str,
        *,
        seconds: float,
    ) -> int:
        """As `supervisor.attempt`, in the child of the last run where that fits; it stays for `seconds` more."""
        run.write(folder, run.SPEC, spec)
        key = (module, seconds, spec.model_path, spec.model, spec.settings, spec.scoring, spec.plan)
        child = self._take(key)
        if child is not None and child.tell(folder, working_folder):
            self._child = child
            if self._followed(child, folder, watch, clock):
                return self._status(child, folder)
        elif child is not None:
            child.end()
        variables = environment.for_child(cache_bytes=spec.plan.cache_bytes)
        child = self._child = fresh(module, folder, working_folder, variables, seconds, key)
        self._followed(child, folder, watch, clock)
        return self._status(child, folder)

    def end(self) -> None:
        """End the child, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _take(self, key: Key) -> Child | None:
        """The child that waits with the right engine; another one ends, as two engines may not fit into memory."""
        child = self._child
        if child is not None and (child.key != key or child.process.poll() is not None):
            self.end()
            return None
        self._child = None
        return child

    def _followed(self, child: Child, folder: Path, watch: Watch, clock: Clock) -> bool:
        """Until the outcome is there or the child is gone; False where it went without having begun."""

        def ended() -> bool:
            return (folder / run.OUTCOME).exists() or child.process.poll() is not None

        try:
            follow(folder, ended, watch=watch, clock=clock)
        except BaseException:
            self.end()
            raise
        begun = (folder / run.PROGRESS).exists() or (folder / run.OUTCOME).exists()
        if not begun:
            self.end()
        return begun

    def _status(self, child: Child, folder: Path) -> int:
        """0 once the outcome is there; else how the child ended."""
        if (folder / run.OUTCOME).exists():
            return 0
        status = child.process.wait()
        self.end()
        return status


def fresh(
    module: str, folder: Path, working_folder: Path, variables: dict[str, str], seconds: float, key: Key
) -> Child:
    """A new child that begins with the run in `folder`."""
    reading, writing = os.pipe()
    try:
        process = start(module, folder, working_folder, variables, reading, str(seconds))
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    return Child(process, writing, key)


engines = Kept()
"""The worker's own."""


def next_run(seconds: float) -> Path | None:
    """In the child: the folder of the next run, with this process's output in its log; None when none comes in time."""
    if seconds <= 0 or not select.select([sys.stdin], [], [], seconds)[0]:
        return None
    line = sys.stdin.readline()
    if not line:
        return None
    folder, working_folder = (Path(part) for part in json.loads(line))
    os.chdir(working_folder)
    log = os.open(folder / run.LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return folder
