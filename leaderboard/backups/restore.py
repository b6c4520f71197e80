"""Reading a backup into an empty database and an empty folder, and saying what is not as it was."""

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.core.files.storage import FileSystemStorage, Storage
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

from leaderboard import sealing
from leaderboard.actions.files import keep
from leaderboard.backups import manifest
from leaderboard.backups.keep import names
from leaderboard.backups.manifest import DATABASE, FILES, PROBE, PURPOSE, Manifest
from leaderboard.backups.server import BackupError, run, variables


def check(backup: Path) -> Manifest:
    """The manifest of a backup whose files are whole and whose secrets this site can open; raises BackupError."""
    found = Manifest.read(backup)
    for name, wanted in found.digests.items():
        path = backup / name
        if not path.exists() or manifest.digest(path) != wanted:
            raise BackupError(f"{path} is not what was written: its digest differs. Take another backup.")
    try:
        opened = sealing.unseal(found.probe, purpose=PURPOSE)
    except sealing.SealError as error:
        raise BackupError(
            "This site's PARITY_SECRET_KEY is not the one that the backup was made with: webhook secrets and API keys "
            "in it could not be opened. Set that key, or add it to PARITY_SECRET_KEY_FALLBACKS."
        ) from error
    assert opened == PROBE
    return found


def restore(backup: Path, *, files: Storage, database: str = "") -> list[str]:
    """Fill `database` (the site's own unless named) and the storage `files`, both empty; returns what differs.

    All of the database or nothing of it; raises BackupError where something stands in the way, before anything is
    written.
    """
    told = check(backup)
    with connect(database) as server:
        tables = server.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        if tables and tables[0]:
            name = database or connection.settings_dict["NAME"]
            raise BackupError(f"The database {name} has {tables[0]} tables already. A backup goes into an empty one.")
    if any(names(files)):
        place = files.location if isinstance(files, FileSystemStorage) else "The bucket"
        raise BackupError(f"{place} holds files already. A backup's files go into an empty place.")
    run("pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--dbname=",
        str(backup / DATABASE), database=database)  # fmt: skip
    with tarfile.open(backup / FILES) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is None:
                raise BackupError(f"{backup / FILES} has {entry.name}, which is no file.")
            keep(entry.name, content.read(), files)
    with connect(database) as server:
        return [*differing_rows(told, server), *broken_rules(server), *missing_files(server, files)]


def connect(database: str = "") -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of its own to the site's database, or to another one of its server."""
    told = variables(database)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return psycopg.connect(make_conninfo(**{key: told[name] for key, name in names.items() if name in told}))


def differing_rows(told: Manifest, server: "psycopg.Connection[tuple[object, ...]]") -> Iterator[str]:
    """Tables that do not have the rows that they had."""
    for table, wanted in told.rows.items():
        row = server.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        if row != (wanted,):
            yield f"{table} has {row[0] if row else 'no'} rows; there were {wanted}"


RULES = {
    "running jobs have a lease, and nothing else has one":
        "SELECT count(*) FROM leaderboard_job WHERE (state = 'running') <> (lease_expires_at IS NOT NULL)",
    "every submission is in the state that its last event says":
        "SELECT count(*) FROM leaderboard_submission s WHERE state <> (SELECT after FROM leaderboard_event e"
        " WHERE e.submission_id = s.id AND e.job_id IS NULL ORDER BY e.id DESC LIMIT 1)",
    "a submission that succeeded has a result for every task of its suite":
        "SELECT count(*) FROM leaderboard_submission s WHERE state = 'succeeded' AND"
        " (SELECT count(*) FROM leaderboard_suitetask t WHERE t.suite_id = s.suite_id) <>"
        " (SELECT count(*) FROM leaderboard_result r WHERE r.submission_id = s.id)",
    "results are of their job's last attempt":
        "SELECT count(*) FROM leaderboard_result r JOIN leaderboard_job j ON j.id = r.job_id"
        " WHERE r.attempt <> j.attempt",
}  # fmt: skip
"""What is true of a whole database -> a query that counts what breaks it."""


def broken_rules(server: "psycopg.Connection[tuple[object, ...]]") -> Iterator[str]:
    for rule, query in RULES.items():
        row = server.execute(query.encode()).fetchone()
        if row != (0,):
            yield f"not so for {row[0] if row else 'unknown'}: {rule}"


def missing_files(server: "psycopg.Connection[tuple[object, ...]]", files: Storage) -> Iterator[str]:
    """Chunks of samples whose file is not there, or is not what was posted."""
    for name, wanted in server.execute("SELECT path, digest FROM leaderboard_samplechunk ORDER BY id"):
        try:
            with files.open(str(name)) as file:
                found = hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:
            yield f"the samples' file {name} is not in the backup"
            continue
        if found != wanted:
            yield f"the samples' file {name} is not what was posted"
