"""`manage.py create_token USERNAME`: an API token; makes the user, who cannot log in, if there is none."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from leaderboard.actions.accounts import create_api_token, create_person, ensure_owner
from leaderboard.management.lifetime import lifetime
from leaderboard.models import User


class Command(BaseCommand):
    help = "Print a new API token of a user; it is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument("--days", type=lifetime, metavar="N", help="end it after so many days")

    def handle(self, *_: Any, username: str, name: str, days: timedelta | None = None, **__: Any) -> None:
        user = User.objects.filter(username=username).first() or create_person(username=username, password=None)
        self.stdout.write(create_api_token(owner=ensure_owner(user=user), user=user, name=name, lifetime=days))
