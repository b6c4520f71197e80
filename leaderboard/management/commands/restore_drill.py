"""`manage.py restore_drill`: whether a backup of this site, taken now, can be restored. The site goes on."""

import json
import secrets
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.core.management.base import BaseCommand, CommandError
from psycopg import sql

from leaderboard.actions.errors import NoRoom
from leaderboard.backups.keep import keep
from leaderboard.backups.manifest import Manifest
from leaderboard.backups.restore import connect, restore
from leaderboard.backups.server import BackupError


class Command(BaseCommand):
    help = "Back up, restore beside the site (a database of its own, dropped at the end), compare. Last line: JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--backup", type=Path, help="one that was made before, in place of a new one")

    def handle(self, *_: Any, backup: Path | None = None, **__: Any) -> None:
        name = sql.Identifier(database := f"parity_drill_{secrets.token_hex(4)}")
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="parity-drill-") as folder, connect() as server:
            server.autocommit = True
            try:
                made = backup or keep(Path(folder))
                kept = time.monotonic()
                server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
                try:
                    files = FileSystemStorage(location=Path(folder) / "files")
                    differing = restore(made, files=files, database=database)
                finally:
                    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
                told = Manifest.read(made)
            except (BackupError, NoRoom, OSError) as error:
                raise CommandError(f"The drill failed: {error}") from error
        for line in differing:
            self.stderr.write(line)
        seconds = {"backup_s": round(kept - started, 2), "restore_s": round(time.monotonic() - kept, 2)}
        counts = {"tables": len(told.rows), "rows": sum(told.rows.values()), "files": told.files}
        self.stdout.write(json.dumps(counts | seconds | {"decrypts": True, "differing": len(differing)}))
        if differing:
            raise CommandError("The restored copy is not as the site was: see above.")
