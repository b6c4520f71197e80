"""Writing a backup while the site goes on."""

import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.core.files.storage import Storage, default_storage
from django.db import connection, transaction

from leaderboard import sealing
from leaderboard.backups import manifest
from leaderboard.backups.manifest import DATABASE, FILES, FORMAT, PROBE, PURPOSE, Manifest
from leaderboard.backups.server import run


def keep(into: Path) -> Path:
    """A backup in a new folder below `into`, which appears when it is whole; raises BackupError and OSError.

    The dump and the counts of rows are of one moment. Files are copied after it: they are never changed, so all that
    the dump names are there, but those of what is purged meanwhile.
    """
    at = datetime.now(UTC)
    into.mkdir(parents=True, exist_ok=True)
    whole = into / f"parity-{at:%Y%m%dT%H%M%SZ}"
    unfinished = into / f".{whole.name}.unfinished"
    unfinished.mkdir(mode=0o700)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            moment = cursor.fetchone()[0]
            run("pg_dump", "--format=custom", "--no-owner", f"--snapshot={moment}", f"--file={unfinished / DATABASE}")
            counted = manifest.rows(connection.introspection.table_names(cursor))
            applied = manifest.migrations()
        number = copy_files(default_storage, unfinished / FILES, at)
        Manifest(
            format=FORMAT,
            made_at=at.isoformat(),
            migrations=applied,
            rows=counted,
            digests={name: manifest.digest(unfinished / name) for name in (DATABASE, FILES)},
            files=number,
            probe=sealing.seal(PROBE, purpose=PURPOSE),
        ).write(unfinished)
        unfinished.rename(whole)
    except BaseException:
        shutil.rmtree(unfinished)
        raise
    return whole


def copy_files(source: Storage, into: Path, at: datetime) -> int:
    """Everything in a file storage as one tar, dated `at`; returns how many files there were."""
    number = 0
    with tarfile.open(into, "w") as tar:
        for name in names(source):
            try:
                file = source.open(name)
            except FileNotFoundError:
                continue  # purged since it was listed
            with file:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime = file.size, int(at.timestamp())
                tar.addfile(entry, file)
            number += 1
    return number


def names(storage: Storage, folder: str = "") -> Iterator[str]:
    """The name of every file in a storage; none where it has not been written to yet."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    prefix = f"{folder}/" if folder else ""
    yield from (f"{prefix}{name}" for name in sorted(files))
    for name in sorted(folders):
        yield from names(storage, f"{prefix}{name}")
