"""`manage.py restore BACKUP`: a backup into this site's empty database and file storage."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import NoRoom
from leaderboard.backups.restore import restore
from leaderboard.backups.server import BackupError


class Command(BaseCommand):
    help = "Read a backup into an empty database; then `manage.py bootstrap` brings it up to this release."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", type=Path)

    def handle(self, *_: Any, backup: Path, **__: Any) -> None:
        try:
            differing = restore(backup, files=default_storage)
        except (BackupError, NoRoom, OSError) as error:
            raise CommandError(f"Not restored: {error}") from error
        for line in differing:
            self.stderr.write(line)
        if differing:
            raise CommandError("Restored, but not all of it is as it was: see above.")
        self.stdout.write("Restored, and all of it is as it was. Now run `manage.py bootstrap`, then start the site.")
