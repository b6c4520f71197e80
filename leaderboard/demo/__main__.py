"""`python -m leaderboard.demo`: what `make run` starts. Everything here, a real model evaluated, then it keeps serving.

This process lives as long as the site and only watches and asks over HTTP: what needs Django is done by
`manage.py prepare_demo`, which ends, so that watching takes a fifth of its memory.
"""

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import httpx

from leaderboard import environment
from leaderboard.demo import journey
from leaderboard.demo.people import password
from leaderboard.demo.processes import Processes, programs
from leaderboard.embedded import process
from leaderboard.embedded.errors import EmbeddedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """A signal asked for the end."""


class Refused(Exception):
    """It cannot start; the message says why. `status`: what this process ends with."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="leaderboard.demo", description="Run the whole product on this machine and evaluate a real model."
    )
    parser.add_argument("--suite", default=journey.SUITE, help="what the model is evaluated on (default: %(default)s)")
    parser.add_argument("--exit", action="store_true", help="stop once the model has its score")
    options = parser.parse_args()
    try:
        if not environment.demo():
            raise Refused("The demonstration runs with PARITY_MODE=demo only; use `make run`.", status=2)
        with environment.prepare():
            run(suite=options.suite, leave=options.exit)
    except Refused as error:
        print(error, file=sys.stderr)
        return error.status
    except (environment.ConfigurationError, EmbeddedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except journey.DemoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(*, suite: str, leave: bool) -> None:
    """Start everything, show the model's way onto the board, and watch until a signal comes, or, to `leave`, not."""
    for number in SIGNALS:
        signal.signal(number, stop)
    state, port = environment.state(), urlsplit(os.environ["PARITY_URL"]).port or 80
    processes: Processes | None = None
    try:
        refuse_taken(port)
        prepare(state)
        programme = programs(port=port, state=state, worker_token=environment.secret("PARITY_WORKER_TOKEN"))
        processes = Processes(programme, state / "log", say, environment.servers)
        processes.start()
        show(processes, state, suite)
        if not leave:
            say("\nServing. Ctrl-C stops everything.")
        while not leave:
            processes.check()
            time.sleep(0.25)
    except Stop:
        say("\nStopping.")
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave anything behind
        if processes:
            processes.stop()


def prepare(state: Path) -> None:
    """What has to be there before anything starts: tables, pages' files, suites, people, and the model's weights."""
    log = state / "log" / "prepare.log"
    log.parent.mkdir(exist_ok=True)
    finish([sys.executable, environment.ROOT / "manage.py", "prepare_demo"], log)
    mirror = state / "mirror"
    if not (mirror / "models" / journey.MODEL).is_dir():
        say("Preparing the demo model (once, about half a minute)")
        finish([sys.executable, "-m", "evaluator.engines.gguf", mirror], log)


def finish(command: list[str | Path], log: Path) -> None:
    """Run a program to its end. Raises Refused, with what it wrote and its status, where that is not 0."""
    since = process.size(log)
    started = process.spawn(command, log=log)
    try:
        status = started.wait()
    except Stop:
        process.stop(started, signal=signal.SIGTERM, seconds=5)
        raise
    if status:
        with log.open("rb") as file:
            file.seek(since)
            raise Refused(file.read().decode(errors="replace").strip()[-2000:], status=max(status, 1))


def show(processes: Processes, state: Path, suite: str) -> None:
    """Submit the model and follow it, or show where it stands."""
    url, token = os.environ["PARITY_URL"], (state / "demo-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as http:
        seconds = journey.wait_until_ready(http, check=processes.check)
        say(
            f"Parity is ready at {url} ({seconds:.1f} s)\n"
            f"  sign in    demo / {password(state)}\n"
            f"  API token  {token} (kept in {state / 'demo-token'})\n"
            f"  logs       {processes.logs}\n"
        )
        row = journey.standing(http, suite, check=processes.check)
        if row is None:
            submitted = journey.submit(http, suite)
            say(f"Evaluating {journey.MODEL} on {suite}\n  {submitted['url']}")
            ended = journey.follow(http, submitted["id"], check=processes.check)
        else:
            say("Evaluated earlier")
            ended = journey.ask(http, f"/api/v1/submissions/{row['submission']}/", check=processes.check)
        say(journey.verdict(http, ended, check=processes.check))


def say(text: str) -> None:
    print(text, flush=True)


def stop(_: int, __: FrameType | None) -> None:
    raise Stop


def refuse_taken(port: int) -> None:
    """Say so before anything starts when something else listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Refused(f"Port {port} is taken by another program. Choose one: make run PORT={port + 1}", status=2)


if __name__ == "__main__":
    sys.exit(main())
