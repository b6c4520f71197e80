"""`manage.py state_fact MODEL FIELD VALUE --source TEXT --by USER`: what the staff knows better than any import."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.catalogue import STATEABLE
from leaderboard.actions.errors import Refused
from leaderboard.actions.state_fact import state_fact, withdraw_fact
from leaderboard.models import User


class Command(BaseCommand):
    help = "State a fact about a model with its source, or take the statement back with --withdraw."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="org/name")
        parser.add_argument("field", choices=STATEABLE, metavar="FIELD", help=", ".join(STATEABLE))
        parser.add_argument("value", nargs="?", help="prices in US dollars for a million tokens; lists with commas")
        parser.add_argument("--source", required=True, help="where it is said; with --withdraw, why")
        parser.add_argument("--as-of", type=date.fromisoformat, help="when it was said: 2026-11-24; today if left out")
        parser.add_argument("--by", required=True, help="a user of this site's staff")
        parser.add_argument("--withdraw", action="store_true")

    def handle(self, *_: Any, model: str, field: str, value: str | None, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        if (value is None) != options["withdraw"]:
            raise CommandError("Give a value, or --withdraw.", returncode=2)
        try:
            if value is None:
                withdraw_fact(model=model, field=field, reason=options["source"], by=by)
                self.stdout.write(f"{field} of {model}: withdrawn")
            else:
                fact = state_fact(
                    model=model, field=field, value=value, source=options["source"], as_of=options["as_of"], by=by
                )
                self.stdout.write(f"{field} of {model}: {fact.value}")
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
