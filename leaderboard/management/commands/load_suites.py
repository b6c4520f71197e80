"""`manage.py load_suites [PATH ...]`: release suites from YAML files; without a path, the built-in ones."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evaluator import suites
from leaderboard.actions.errors import Conflict
from leaderboard.actions.load_suites import load_suite


class Command(BaseCommand):
    help = "Release suites; a released version never changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="suite YAML files")

    def handle(self, *_: Any, paths: list[Path], **__: Any) -> None:
        for path in paths or suites.built_in():
            try:
                suite, new = load_suite(path=path)
            except (suites.SuiteError, Conflict) as error:
                raise CommandError(str(error), returncode=2) from error
            self.stdout.write(f"{suite.slug}: {'released' if new else 'already released, unchanged'}")
