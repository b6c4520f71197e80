"""How fast the public API is on a ranking: `python -m tests.benchmarks.board.api SUITE` prints one JSON object.

    api_board_p99_ms     a page of 50 rows as JSON (also _p50_ms), going round sorts, searches and pages
    api_304_p99_ms       the same page for a caller who has it
    token_check_ms       what a bearer token adds to a request, the median of pairs
    parquet_s, _mb       all rows with all their columns; parquet_needs_mb what the process grew by for a tenth of them,
                         and parquet_growth_mb by how much more for all

In process, started as a web process is, through all of the site's middleware and its database; what gunicorn adds is
measured by `make bench-web`.
"""

import importlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client

from leaderboard.actions.accounts import create_api_token, create_person

ASKED = ("", "&sort=-score", "&search=llama", "&search=size:%3C40&sort=-parameters", "&page=3", "&kind=open&sort=model")


def measured(suite: str, *, requests: int = 300) -> dict[str, float]:
    """All numbers for a suite's ranking; `requests` of each kind."""
    person = create_person(username=f"bench-{time.time_ns()}", password=None)
    token = create_api_token(owner=person.owner, user=person, name="bench")
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
    path = f"/api/v1/leaderboard/?suite={suite}"
    for more in ASKED:  # orders and columns are kept from then on, as on a site that runs
        timed(client, path + more, {200, 404})
    pages = [timed(client, path + ASKED[turn % len(ASKED)], {200, 404}) for turn in range(requests)]
    tag = {"if-none-match": client.get(path)["ETag"]}
    had = [timed(client, path, {304}, tag) for _ in range(requests)]
    bearer = {"authorization": f"Bearer {token}"}
    pairs = [timed(client, path, {304}, tag | bearer) - timed(client, path, {304}, tag) for _ in range(requests)]
    return {
        "api_board_p50_ms": round(statistics.median(pages), 2), "api_board_p99_ms": p99(pages),
        "api_304_p50_ms": round(statistics.median(had), 2), "api_304_p99_ms": p99(had),
        "token_check_ms": round(statistics.median(pairs), 3), **exported(client, f"{path}&format=parquet"),
    }  # fmt: skip


def timed(client: Client, path: str, expected: set[int], headers: dict[str, str] | None = None) -> float:
    """Milliseconds of one request."""
    started = time.perf_counter()
    reply = client.get(path, headers=headers or {})
    took = 1000 * (time.perf_counter() - started)
    assert reply.status_code in expected, (path, reply.status_code)
    return took


def exported(client: Client, path: str) -> dict[str, float]:
    """The table, thrown away as it comes: a tenth of its rows first, then all."""
    before = resident_mb()
    tenth, _, _ = export(client, f"{path}&search=size:%3C0.6")
    most, size, took = export(client, path)
    return {
        "parquet_s": round(took, 2), "parquet_mb": round(size / 2**20, 2),
        "parquet_needs_mb": round(tenth - before, 1), "parquet_growth_mb": round(most - tenth, 1),
    }  # fmt: skip


def export(client: Client, path: str) -> tuple[float, int, float]:
    """The most memory after any part of it (MB), its bytes, and seconds."""
    most, size, started = 0.0, 0, time.perf_counter()
    reply: Any = client.get(path)
    for part in reply.streaming_content:
        size += len(part)
        most = max(most, resident_mb())
    return most, size, time.perf_counter() - started


def resident_mb() -> float:
    """What the process holds for itself; the ranking's file, mapped into memory, is everybody's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def p99(values: list[float]) -> float:
    return round(sorted(values)[min(len(values) - 1, int(0.99 * len(values)))], 2)


if __name__ == "__main__":
    importlib.import_module("leaderboard.wsgi")  # as a web process starts
    print(json.dumps(measured(sys.argv[1])))
