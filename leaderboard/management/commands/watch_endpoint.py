"""`manage.py watch_endpoint ID --like 12 --days 7 --dollars 2 --by USER`: measure it again and again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.drift import watch_endpoint
from leaderboard.actions.errors import Refused
from leaderboard.models import User


class Command(BaseCommand):
    help = "Check a registered endpoint on a schedule, within a budget for each check."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("endpoint", type=int)
        parser.add_argument("--like", type=int, required=True, help="a succeeded submission of it, to be repeated")
        parser.add_argument("--baseline", type=int, help="what it is compared with; left out: that submission")
        parser.add_argument("--days", type=int, default=7)
        parser.add_argument("--tokens", type=int, help="at most so many a check")
        parser.add_argument("--dollars", type=float, help="at most so many a check")
        parser.add_argument("--by", required=True, help="a user of this site's staff")

    def handle(self, *_: Any, endpoint: int, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        try:
            watch = watch_endpoint(
                endpoint=endpoint, like=options["like"], baseline=options["baseline"], every_days=options["days"],
                budget_tokens=options["tokens"], budget_dollars=options["dollars"], by=by,
            )  # fmt: skip
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"watch {watch.pk}: {watch}, against submission {watch.baseline_id}")
