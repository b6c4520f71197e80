"""`manage.py demo`: what `make run` starts. Everything here, a real model evaluated, then it keeps serving."""

import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from leaderboard import environment
from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token
from leaderboard.demo import journey
from leaderboard.demo.processes import Processes, programs
from leaderboard.models import User


class Stop(BaseException):
    """A signal asked for the end."""


class Command(BaseCommand):
    help = "Run the whole product on this machine and evaluate a real model (make run)."
    requires_system_checks = ()
    """They import every page, which costs this process, alive as long as the site, 80 MB; the site's own makes them."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--suite", default=journey.SUITE, help="what the model is evaluated on (default: %(default)s)"
        )
        parser.add_argument("--exit", action="store_true", help="stop once the model has its score")

    def handle(self, *_: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demonstration runs with PARITY_MODE=demo only; use `make run`.", returncode=2)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        port = urlsplit(settings.PARITY_URL).port or 80
        refuse_taken(port)
        token, password = self.prepare()
        programme = programs(port=port, state=settings.STATE_DIR, worker_token=settings.WORKER_TOKEN)
        processes = Processes(programme, settings.STATE_DIR / "log", self.say, environment.servers)
        try:
            processes.start()
            self.show(processes, token, password, options["suite"])
            if not options["exit"]:
                self.say("\nServing. Ctrl-C stops everything.")
            while not options["exit"]:
                processes.check()
                time.sleep(0.25)
        except journey.DemoError as error:
            raise CommandError(str(error)) from error
        except Stop:
            self.say("\nStopping.")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave anything behind
            processes.stop()

    def prepare(self) -> tuple[str, str]:
        """Tables, pages' files, suites, people and the model's weights; returns the API token and the password."""
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("load_suites", stdout=StringIO())
        secrets = settings.STATE_DIR / "secrets"
        password = environment.kept_secret(secrets / "demo-password")[:16]
        user = User.objects.filter(username="demo").first() or create_person(username="demo", password=password)
        token_file = settings.STATE_DIR / "demo-token"
        if not token_file.exists():
            token = create_api_token(owner=user.owner, user=user, name="demo")
            keep(token_file, token)
        token = token_file.read_text().strip()
        create_api_token(owner=user.owner, user=user, name="demo", token=token)
        register_worker_token(name="demo", token=settings.WORKER_TOKEN, trusted=True)
        self.make_model(settings.STATE_DIR / "mirror")
        return token, password

    def make_model(self, mirror: Path) -> None:
        """Turn the packaged weights into a checkpoint, once, in a process of its own: the site loads no torch."""
        if (mirror / "models" / journey.MODEL).is_dir():
            return
        self.say("Preparing the demo model (once, about half a minute)")
        command = [sys.executable, "-m", "evaluator.engines.gguf", str(mirror)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise CommandError(f"The demo model could not be made:\n{made.stderr[-2000:]}")

    def show(self, processes: Processes, token: str, password: str, suite: str) -> None:
        """Submit the model and follow it, or show where it stands."""
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=settings.PARITY_URL, headers=headers, timeout=30, trust_env=False) as http:
            seconds = journey.wait_until_ready(http, check=processes.check)
            self.say(
                f"Parity is ready at {settings.PARITY_URL} ({seconds:.1f} s)\n"
                f"  sign in    demo / {password}\n"
                f"  API token  {token} (kept in {settings.STATE_DIR / 'demo-token'})\n"
                f"  logs       {processes.logs}\n"
            )
            row = journey.standing(http, suite, check=processes.check)
            if row is None:
                submitted = journey.submit(http, suite)
                self.say(f"Evaluating {journey.MODEL} on {suite}\n  {submitted['url']}")
                ended = journey.follow(http, submitted["id"], check=processes.check)
            else:
                self.say("Evaluated earlier")
                ended = journey.ask(http, f"/api/v1/submissions/{row['submission']}/", check=processes.check)
            self.say(journey.verdict(http, ended, check=processes.check))

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def stop(_: int, __: FrameType | None) -> None:
    raise Stop


def keep(path: Path, text: str) -> None:
    """Write a secret that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text)


def refuse_taken(port: int) -> None:
    """Say so before anything starts when something else listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise CommandError(
                f"Port {port} is taken by another program. Choose one: make run PORT={port + 1}", returncode=2
            )
