"""`manage.py backup FOLDER`: everything that this site cannot make again, while it goes on."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.backups.keep import keep
from leaderboard.backups.manifest import Manifest
from leaderboard.backups.server import BackupError


class Command(BaseCommand):
    help = "Write the database and the files of samples into a new folder below FOLDER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *_: Any, folder: Path, **__: Any) -> None:
        try:
            made = keep(folder)
        except (BackupError, OSError) as error:
            raise CommandError(f"No backup was made: {error}") from error
        told = Manifest.read(made)
        self.stdout.write(f"{sum(told.rows.values()):,} rows of {len(told.rows)} tables, {told.files:,} files: {made}")
