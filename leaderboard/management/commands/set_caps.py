"""`manage.py set_caps OWNER --day 200 --reason TEXT --actor NAME`: an owner's own caps, or with "site" everybody's."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Refused
from leaderboard.actions.quota import set_caps
from leaderboard.models import Owner
from leaderboard.queries.quota import PERIODS, allowances

SITE = "site"


def cap(text: str) -> int | None:
    """A number, or None for "site"."""
    if text == SITE:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is neither a whole number nor {SITE!r}.")
    return int(text)


class Command(BaseCommand):
    help = "Show an owner's caps, and change those that are given. 0 lets nothing through."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("owner")
        for period in PERIODS:
            parser.add_argument(f"--{period}", type=cap, default=..., metavar="N", help=f"a number, or {SITE}")
        parser.add_argument("--reason", default="", help="why, for the audit")
        parser.add_argument("--actor", default="", help="who asked for it, for the audit")

    def handle(self, *_: Any, owner: str, reason: str, actor: str, **options: Any) -> None:
        caps = {str(period): options[period] for period in PERIODS if options[period] is not ...}
        row = Owner.objects.filter(name=owner).first()
        if row is None:
            raise CommandError(f"There is no owner {owner!r}.", returncode=2)
        try:
            row = set_caps(owner=row, caps=caps, actor=actor, reason=reason) if caps else row
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        for one in allowances(row):
            self.stdout.write(f"{one.period}: {one.used} of {one.cap} used")
