"""`manage.py prioritise ID --reason TEXT --by USER`: a waiting submission is the next one of its line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Refused
from leaderboard.actions.staff import prioritise
from leaderboard.models import User


class Command(BaseCommand):
    help = "Put a waiting submission first in its line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("submission", type=int)
        parser.add_argument("--reason", required=True, help="why, for the audit")
        parser.add_argument("--by", required=True, help="a user of this site's staff")

    def handle(self, *_: Any, submission: int, reason: str, by: str, **__: Any) -> None:
        actor = User.objects.filter(username=by).first()
        if actor is None:
            raise CommandError(f"There is no user {by!r}.", returncode=2)
        try:
            prioritise(submission=submission, actor=actor, reason=reason)
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"submission {submission} is the next one of its line")
