"""`manage.py evaluate_endpoint ID SUITE --by USER`: evaluate a registered endpoint with the operator's key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evaluator.contract import Price, Sampling
from leaderboard.actions.errors import Refused
from leaderboard.actions.register_endpoint import evaluate_endpoint
from leaderboard.models import User


class Command(BaseCommand):
    help = "Submit a registered endpoint to a suite, within what is left of its budget."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("endpoint", type=int)
        parser.add_argument("suite", help="name@version")
        parser.add_argument("--temperature", type=float, default=0.0)
        parser.add_argument("--no-temperature", action="store_true", help="send none: reasoning models refuse it")
        parser.add_argument("--no-stop", action="store_true", help="send no stop sequences")
        parser.add_argument("--effort", choices=["none", "minimal", "low", "medium", "high", "xhigh"])
        parser.add_argument("--passes", type=int, default=1)
        parser.add_argument("--concurrency", type=int, default=8)
        parser.add_argument("--price", type=float, nargs=2, metavar=("IN", "OUT"), help="dollars for a million tokens")
        parser.add_argument("--tokens", type=int)
        parser.add_argument("--dollars", type=float)
        parser.add_argument("--by", required=True, help="a user of this site's staff")

    def handle(self, *_: Any, endpoint: int, suite: str, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        sampling = Sampling(
            temperature=None if options["no_temperature"] else options["temperature"],
            reasoning_effort=options["effort"],
            stop=not options["no_stop"],
            passes=options["passes"],
        )
        price = Price(input=options["price"][0], output=options["price"][1]) if options["price"] else None
        try:
            made = evaluate_endpoint(
                endpoint=endpoint, suite=suite, by=by, sampling=sampling, concurrency=options["concurrency"],
                price=price, budget_tokens=options["tokens"], budget_dollars=options["dollars"],
            )  # fmt: skip
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"submission {made.pk}: {made.requested_model} on {suite}")
