"""`manage.py rescore SUITE@N --reason TEXT --by USER`: score stored responses on a later version, without a model."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Refused
from leaderboard.actions.rescore import rescore
from leaderboard.models import User


class Command(BaseCommand):
    help = (
        "Score the stored responses of a suite's earlier versions on this one: for another metric, filter, aggregation "
        "or label. What is asked has to be the same; old scores stay where they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("suite", help="name@version")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--by", required=True, help="a user of this site's staff")

    def handle(self, *_: Any, suite: str, reason: str, by: str, **__: Any) -> None:
        actor = User.objects.filter(username=by).first()
        if actor is None:
            raise CommandError(f"There is no user {by!r}.", returncode=2)
        try:
            begun = rescore(suite=suite, actor=actor, reason=reason)
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        for source, new in begun.made.items():
            self.stdout.write(f"submission {source} is scored anew as {new}")
        for source, why in begun.left_out.items():
            self.stdout.write(f"submission {source} is left out: {why}")
