"""`manage.py import_catalogue`: proprietary models with context lengths and prices, from the package genai-prices."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from leaderboard.actions.import_catalogue import file_licences, import_catalogue
from leaderboard.imports import proprietary
from leaderboard.management.reports import tell_notes


class Command(BaseCommand):
    help = (
        "Import the catalogue of proprietary models. Run it again when prices change; the same again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="list every model that was left out")

    def handle(self, *_: Any, **options: Any) -> None:
        listed, skipped = proprietary.read()
        report = import_catalogue(listed=listed, source=proprietary.SOURCE)
        self.stdout.write(
            f"{proprietary.SOURCE}: {len(listed)} models, {report.models} of them new; {report.facts} new facts, "
            f"{report.prices} new prices, {report.settled} models updated"
        )
        if filed := file_licences():
            self.stdout.write(f"{filed} models got the family of their licence")
        if skipped:
            self.stdout.write("Left out:")
            tell_notes(self.stdout, skipped, everything=options["all"])
