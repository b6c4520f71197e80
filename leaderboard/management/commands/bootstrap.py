"""`manage.py bootstrap`: bring a site's database up to date. Run it before the first start and after every upgrade."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from leaderboard.actions.accounts import register_worker_token
from leaderboard.actions.claims import seed_claims
from leaderboard.actions.keys import reseal_keys
from leaderboard.actions.rank import build_missing
from leaderboard.actions.webhooks import reseal_webhooks
from leaderboard.management.lifetime import lifetime


class Command(BaseCommand):
    help = "Migrate, release the built-in suites, and let workers with PARITY_WORKER_TOKEN claim jobs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=lifetime, metavar="N", help="end the workers' token after so many days")

        parser.add_argument(
            "--wait", type=float, default=60.0, metavar="SECONDS", help="how long to wait for the database (60)"
        )

    def handle(self, *_: Any, days: timedelta | None = None, wait: float = 60.0, **__: Any) -> None:
        self.reach_database(wait)
        call_command("migrate", verbosity=1, interactive=False, stdout=self.stdout)
        call_command("load_suites", stdout=self.stdout)
        self.stdout.write(f"claims: {seed_claims()} new")
        register_worker_token(name="default", token=settings.WORKER_TOKEN, trusted=True, lifetime=days)
        self.stdout.write("worker token: registered as trusted")
        self.stdout.write(f"webhook secrets: {reseal_webhooks()} sealed with the newest key")
        self.stdout.write(f"API keys: {reseal_keys()} sealed with the newest key")
        self.stdout.write(f"rankings: {build_missing()} built that were missing")

    def reach_database(self, seconds: float) -> None:
        """Wait until the database answers, saying so; whatever starts together with it starts before it."""
        until, told = time.monotonic() + seconds, ""
        while True:
            try:
                connection.ensure_connection()
                return
            except OperationalError as error:
                reason = str(error).strip().splitlines()[0]
            if time.monotonic() >= until:
                raise CommandError(
                    f"The database did not answer for {seconds:g} s: {reason}. "
                    "Is DATABASE_URL right, is the server up?",
                    returncode=2,
                )
            if reason != told:
                self.stdout.write(f"Waiting for the database: {reason}")
                self.stdout.flush()
            told = reason
            time.sleep(min(1.0, seconds))
