"""`manage.py import_open_llm_leaderboard PATH | --from-hub`: the table of the Open LLM Leaderboard v2."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Conflict
from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.imports import open_llm_leaderboard
from leaderboard.imports.evaluations import SourceError
from leaderboard.imports.from_hub import dataset_file
from leaderboard.management.reports import tell


class Command(BaseCommand):
    help = "Import the Open LLM Leaderboard v2 (CSV or Parquet). The same table again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the table, .csv or .parquet")
        source.add_argument("--from-hub", action="store_true", help="from a mirror (PARITY_HUB_MIRROR) or the Hub")
        parser.add_argument("--all", action="store_true", help="list every row that was skipped or is incomplete")

    def handle(self, *_: Any, path: Path | None, **options: Any) -> None:
        started = time.monotonic()
        try:
            path = path or dataset_file(open_llm_leaderboard.DATASET, open_llm_leaderboard.DATASET_FILE)
            source = open_llm_leaderboard.read(path)
            suite = ensure_imported_suite(spec=open_llm_leaderboard.SUITE)
            report = import_evaluations(source=source, suite=suite)
        except (SourceError, Conflict) as error:
            raise CommandError(str(error), returncode=2) from error
        tell(self.stdout, suite.slug, report, everything=options["all"])
        self.stdout.write(f"{time.monotonic() - started:.1f} s")
