"""The processes of the demonstration: site, scheduler, site worker, evaluation workers. Started, restarted, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from leaderboard.embedded import process
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.services import Services

SITE_SECRETS = {"DATABASE_URL", "PARITY_SECRET_KEY", "HF_TOKEN"}
RESTART_SECONDS = 1.0


@dataclass(frozen=True)
class Program:
    """One command and how it dies. `seconds`: how long a stop may take before it is killed."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    death_signal: signal.Signals
    seconds: float


def programs(*, port: int, state: Path, worker_token: str) -> list[Program]:
    """All programs in the order they start. Celery is killed with its parent: asked, it would finish its task first."""
    everything = dict(os.environ)
    worker = {name: value for name, value in everything.items() if name not in SITE_SECRETS}
    worker["PARITY_WORKER_TOKEN"] = worker_token
    # Endpoints have a worker of their own: whoever submits one hears within seconds, whatever is evaluated here.
    asking = {"PARITY_WORKER_QUEUES": "api", "PARITY_WORKER_ENGINES": "endpoint", "PARITY_WORKER_NAME": "endpoints"}
    web = ("gunicorn", "leaderboard.wsgi", f"--bind=127.0.0.1:{port}", "--threads=16")
    # Connections are kept longer than the two seconds between heartbeats: closed at just that moment, they would cost
    # one now and then. A control socket would be written to the home folder.
    # One process with many threads: a second would take 150 MB.
    held = ("--keep-alive=75", "--no-control-socket", "--access-logfile=-", "--config=python:leaderboard.demo.left_out")
    site = everything | {"PARITY_WAITERS": everything.get("PARITY_WAITERS") or "8"}
    module = (sys.executable, "-m")
    clock = (*module, "leaderboard.demo.clock", str(state / "run" / "beat"))
    return [
        Program("site", (*module, *web, *held), site, signal.SIGTERM, 5),
        Program("site-worker", (*module, "leaderboard.demo.site_worker"), everything, signal.SIGKILL, 5),
        Program("scheduler", clock, everything, signal.SIGKILL, 5),
        Program("worker", (*module, "evaluator", "worker"), worker, signal.SIGKILL, 10),
        Program("api-worker", (*module, "evaluator", "worker"), worker | asking, signal.SIGKILL, 10),
    ]


@dataclass
class Processes:
    """The programs while they run. Use from the main thread only: the children follow the thread that starts them."""

    programs: list[Program]
    logs: Path
    say: Callable[[str], None]
    servers: Services | None = None
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        for program in self.programs:
            self._spawn(program)

    def check(self) -> None:
        """Start again whatever ended by itself (or was killed by somebody who wanted to see what happens)."""
        self._check_servers()
        for program in self.programs:
            status = self._running[program.name].poll()
            if status is not None:
                self.say(f"The {program.name} ended (status {status}); starting it again. Log: {self.log_of(program)}")
                time.sleep(RESTART_SECONDS)
                self._spawn(program)

    def _check_servers(self) -> None:
        """The embedded servers that this process owns come back on the same data and sockets; clients reconnect."""
        ended = self.servers.ended() if self.servers else []
        if self.servers is None or not ended:
            return
        self.say(f"{' and '.join(ended)} ended; starting again. Log: {self.logs}")
        try:
            self.servers.revive()
        except EmbeddedError as error:
            self.say(f"{error}\nTrying again.")

    def stop(self) -> None:
        """Stop everything, the last started first: the worker gives its job back while the site still listens."""
        for program in reversed(self.programs):
            running = self._running.pop(program.name, None)
            if running is not None:
                process.stop(running, signal=signal.SIGTERM, seconds=program.seconds)

    def log_of(self, program: Program) -> Path:
        return self.logs / f"{program.name}.log"

    def _spawn(self, program: Program) -> None:
        self._running[program.name] = process.spawn(
            program.command, log=self.log_of(program), env=program.env, death_signal=program.death_signal
        )
