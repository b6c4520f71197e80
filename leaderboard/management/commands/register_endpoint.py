"""`manage.py register_endpoint BASE_URL PROTOCOL MODEL --dollars 50 --by USER < key`: an endpoint of the site's own."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.access import PROTOCOLS, Access
from leaderboard.actions.errors import Refused
from leaderboard.actions.register_endpoint import register_endpoint
from leaderboard.models import User


class Command(BaseCommand):
    help = "Keep an endpoint with the operator's key, which is read from standard input, and a budget for all its runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("base_url")
        parser.add_argument("protocol", choices=PROTOCOLS)
        parser.add_argument("model", help="its name at the endpoint")
        parser.add_argument("--tokens", type=int, help="at most so many, in and out together")
        parser.add_argument("--dollars", type=float, help="at most so many US dollars")
        parser.add_argument("--by", required=True, help="a user of this site's staff")

    def handle(self, *_: Any, base_url: str, protocol: str, model: str, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        # Not an argument: those are seen in the list of processes and kept in shells' histories.
        key = sys.stdin.readline().strip() if not sys.stdin.isatty() else ""
        access = Access(
            base_url=base_url, protocol=protocol, model=model, api_key=key, budget_tokens=options["tokens"],
            budget_dollars=options["dollars"],
        )  # fmt: skip
        try:
            endpoint = register_endpoint(by=by, access=access)
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"endpoint {endpoint.pk}: {endpoint}{'' if key else ', without a key'}")
