"""`manage.py state_claim SLUG --text TEXT --who WHO --terms FILE --by USER`: a claim, and the test that decides it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.claims import state_claim, withdraw_claim
from leaderboard.actions.errors import Refused
from leaderboard.models import User


class Command(BaseCommand):
    help = "State a claim that /claims then judges by what is measured here; --withdraw REASON takes it off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="small letters, digits and hyphens")
        parser.add_argument("--text", default="", help="the claim, in a sentence")
        parser.add_argument("--who", default="", help="who says so")
        parser.add_argument("--url", default="", help="where it is said")
        parser.add_argument("--quotation", default="", help="as it is said there, word for word")
        parser.add_argument(
            "--terms", type=Path, help="a JSON file with the test's terms (leaderboard/claims/terms.py)"
        )
        parser.add_argument("--by", required=True, help="a user of this site's staff")
        parser.add_argument("--withdraw", metavar="REASON", default="")

    def handle(self, *_: Any, slug: str, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        try:
            if options["withdraw"]:
                withdraw_claim(slug=slug, reason=options["withdraw"], by=by)
                self.stdout.write(f"{slug}: withdrawn")
                return
            terms = terms_in(options["terms"])
            said = state_claim(
                slug=slug, text=options["text"], who=options["who"], url=options["url"], terms=terms, by=by,
                quotation=options["quotation"],
            )  # fmt: skip
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"{said.slug}: stated")


def terms_in(path: Path | None) -> Any:
    """What a JSON file holds."""
    if path is None:
        raise CommandError("Give the terms of its test: --terms FILE.", returncode=2)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as JSON: {error}", returncode=2) from error
