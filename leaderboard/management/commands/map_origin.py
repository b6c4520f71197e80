"""`manage.py map_origin https://api.openai.com openai --source TEXT --by USER`: whose models answer at an address."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Refused
from leaderboard.actions.map_origin import map_origin, unmap_origin
from leaderboard.models import User


class Command(BaseCommand):
    help = "State whose models answer at an origin, so that they are ranked under that name; --withdraw takes it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("origin", help="https://host, with the port where it is not 443")
        parser.add_argument("provider", nargs="?", default="", help="an organisation of the catalogue, such as openai")
        parser.add_argument("--served", default="", help="only for the model of this name there")
        parser.add_argument("--model", default="", help="with --served: which model of the catalogue it is")
        parser.add_argument("--source", required=True, help="where it is said; with --withdraw, why")
        parser.add_argument("--by", required=True, help="a user of this site's staff")
        parser.add_argument("--withdraw", action="store_true")

    def handle(self, *_: Any, origin: str, provider: str, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        served, source = options["served"], options["source"]
        try:
            if options["withdraw"]:
                unmap_origin(origin=origin, served=served, reason=source, by=by)
                self.stdout.write(f"{origin}: withdrawn")
                return
            said = map_origin(
                origin=origin, provider=provider, served=served, model=options["model"], source=source, by=by
            )
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"{said.origin} {said.served or 'every model'}: {said.model or f'{said.provider}/…'}")
