"""What a backup says of itself, as JSON."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from leaderboard.backups.server import BackupError

FORMAT = 1
PROBE = "Parity's backup can be read with this secret key."
PURPOSE = "backup probe"
DATABASE, FILES, MANIFEST = "database.dump", "files.tar", "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """`rows` by table at the dump's moment; `digests` are SHA-256 (hex) by file; `probe` is PROBE, sealed."""

    format: int
    made_at: str
    migrations: list[str]
    rows: dict[str, int]
    digests: dict[str, str]
    files: int
    probe: str

    def write(self, folder: Path) -> None:
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of the backup in `folder`; raises BackupError."""
        try:
            told = json.loads((folder / MANIFEST).read_text())
            found = cls(**told)
        except FileNotFoundError:
            raise BackupError(f"{folder} is no backup: it has no {MANIFEST}.") from None
        except (ValueError, TypeError) as error:
            raise BackupError(f"{folder / MANIFEST} cannot be read: {error}") from error
        if found.format != FORMAT:
            raise BackupError(f"{folder} has format {found.format}; this release reads {FORMAT}.")
        return found


def migrations() -> list[str]:
    """Every migration that this database has, as app.name."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rows(tables: Iterable[str]) -> dict[str, int]:
    """How many rows each table has."""
    counted = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  # a table's name
            counted[table] = cursor.fetchone()[0]
    return counted
