"""The newest ranking of a suite, with its columns in memory."""

import os
import time
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from django.conf import settings
from django.db.models import QuerySet, Subquery

from leaderboard.columnar import stored, table
from leaderboard.columnar.table import Columns
from leaderboard.models import Import, Snapshot, Suite
from leaderboard.queries.binary import binary_cursor

KEPT = 8
"""Rankings whose columns a process keeps at hand; they are files mapped into memory, shared with its neighbours."""
COPIES, COPIES_BYTES = 8, 2 * 2**30
"""The newest copies on a host that stay in any case, and what all of them may take."""


def newest(suite: Suite | int) -> Snapshot | None:
    """The newest ranking of a suite (or of the one with this key), without its columns; None while nothing was
    ranked."""
    return Snapshot.objects.filter(suite=suite).defer("columns").order_by("-id").first()


class State(NamedTuple):
    """What a board is made of, besides its address. `keys`: the newest suite and import."""

    digest: str
    created_at: datetime
    keys: tuple[int | None, ...]


def state_of(suite: str) -> State | None:
    """The newest ranking of `suite`, or for "" of the one that the front page shows; None while there is none.

    For so long as the setting BOARD_STATE_SECONDS says, a process answers as it did before.
    """
    if "\x00" in suite:
        return None
    seconds = settings.BOARD_STATE_SECONDS
    return _state(suite, int(time.monotonic() / seconds)) if seconds else asked_state(suite)


@lru_cache(maxsize=256)
def _state(suite: str, _: int) -> State | None:
    return asked_state(suite)


def asked_state(suite: str) -> State | None:
    """As `state_of`, from the database."""
    rows = of_slug(suite)
    newest_of = [Subquery(noun.objects.order_by("-id").values("pk")[:1]) for noun in (Suite, Import)]
    found = rows.values_list("digest", "created_at", *newest_of).first()
    return State(found[0], found[1], found[2:]) if found else None


def newest_key(slug: str) -> int | None:
    """The number of the newest ranking of a suite, or for "" of any that may be shown; one look at an index."""
    return of_slug(slug).values_list("pk", flat=True).first()


def of_slug(slug: str) -> QuerySet[Snapshot]:
    """The rankings of a suite, the newest first, or for "" of any that may be shown."""
    return Snapshot.objects.filter(suite__slug=slug).order_by("-id") if slug else by_default()


def by_default() -> QuerySet[Snapshot]:
    """Rankings of all suites, the one that is shown unasked first: what was measured here comes before imports."""
    return Snapshot.objects.order_by("suite__imported", "-id")


def kept(suite: Suite, pk: int) -> Snapshot | None:
    """A ranking of a suite, without its columns; None once it is not kept any more."""
    return Snapshot.objects.filter(suite=suite, pk=pk).defer("columns").first()


def columns_of(snapshot: Snapshot) -> Columns:
    """The columns of a ranking."""
    return _columns(snapshot.digest, snapshot.pk)


@lru_cache(maxsize=KEPT)
def _columns(digest: str, snapshot: int) -> Columns:
    """From this host's copy, which is named by its digest and made from the database when it is not there yet."""
    path = copy_of(digest)
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        table.write(whole(snapshot), path)
        forget_old()
    return table.read(path)


def whole(snapshot: int) -> pa.Table:
    """The columns of a ranking from the database: its own, or those of the one that it differs from, changed."""
    found = Snapshot.objects.select_related("base").defer("columns", "base__columns").get(pk=snapshot)
    data = stored_columns(found)
    return stored.from_bytes(data) if found.base is None else stored.applied(columns_of(found.base).table, data)


def stored_columns(snapshot: Snapshot) -> bytes:
    """The columns of a ranking as they are stored, tens of megabytes for a large one."""
    with binary_cursor() as cursor:
        cursor.execute("SELECT columns FROM leaderboard_snapshot WHERE id = %s", [snapshot.pk])
        found = cursor.fetchone()
    if found is None:
        raise Snapshot.DoesNotExist(f"Snapshot {snapshot.pk} was removed.")
    return bytes(found[0])


def copy_of(digest: str) -> Path:
    """Where this host keeps the columns with this digest."""
    return Path(settings.STATE_DIR) / "boards" / f"{digest}.arrow"


def forget_old() -> None:
    """Remove this host's oldest copies until the rest fits; they can be made again."""
    copies = sorted((Path(settings.STATE_DIR) / "boards").glob("*.arrow"), key=os.path.getmtime, reverse=True)
    used = 0
    for number, path in enumerate(copies):
        used += path.stat().st_size
        if number >= COPIES and used > COPIES_BYTES:
            path.unlink(missing_ok=True)
