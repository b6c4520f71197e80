"""The newest ranking of a suite, with its columns in memory."""

import os
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Subquery
from django.utils import timezone

from leaderboard.columnar import stored, table
from leaderboard.columnar.table import Columns
from leaderboard.embedded.locks import Lock as FileLock
from leaderboard.models import Import, Snapshot, Suite
from leaderboard.queries.binary import binary_cursor
from leaderboard.queries.lately import lately

KEPT = 8
"""Rankings whose columns a process keeps at hand; they are files mapped into memory, shared with its neighbours."""
COPIES, COPIES_BYTES = 8, 2 * 2**30
"""The newest copies on a host that stay in any case, and what all of them may take."""
RECENT = 4
"""So many of the newest rankings are looked through for one that is at hand, while newer ones are still read."""
READING = "60s"
"""The longest that the database may take to hand out a ranking."""
PATIENCE = timedelta(seconds=60)
"""A ranking that was not read ahead after so long is read by who asks for it."""


class AtHand:
    """The columns of the rankings that were used last, by digest. Each is read once, however many ask for it."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, Lock()
        self._columns: OrderedDict[str, Columns] = OrderedDict()
        self._reading: dict[str, Lock] = {}
        self.ahead = False
        """Whether somebody reads new rankings before they are asked for (`leaderboard.queries.ahead`)."""

    def __contains__(self, digest: str) -> bool:
        return digest in self._columns

    def columns(self, snapshot: int, digest: str) -> Columns:
        """The columns of a ranking, read unless they are here."""
        if (found := self._get(digest)) is not None:
            return found
        with self._lock:
            reading = self._reading.setdefault(digest, Lock())
        with reading:
            found = self._get(digest)
            return self.put(digest, read(snapshot, digest)) if found is None else found

    def put(self, digest: str, columns: Columns) -> Columns:
        """Keep columns, and let go of those that nobody asked for longest."""
        with self._lock:
            self._columns[digest] = columns
            self._reading.pop(digest, None)
            while len(self._columns) > self._size:
                self._columns.popitem(last=False)
        return columns

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._columns.clear()

    def _get(self, digest: str) -> Columns | None:
        with self._lock:
            if digest in self._columns:
                self._columns.move_to_end(digest)
            return self._columns.get(digest)


AT_HAND = AtHand(KEPT)


class Listed(Protocol):
    """What tells whether a ranking is at hand; its columns are not needed for that."""

    @property
    def digest(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


Ranking = TypeVar("Ranking", bound=Listed)


def shown(newest_first: Iterable[Ranking]) -> Ranking | None:
    """Of rankings that readers may be shown, the newest; where rankings are read ahead and this one is not yet, the
    newest that is at hand, so that nobody has to wait for it. None of none."""
    rows = list(newest_first)
    if not rows or not AT_HAND.ahead or timezone.now() - rows[0].created_at > PATIENCE:
        return rows[0] if rows else None
    return next((row for row in rows if row.digest in AT_HAND), rows[0])


def newest(suite: Suite | int) -> Snapshot | None:
    """The newest ranking of a suite (or of the one with this key) that can be `shown`, without its columns; None while
    nothing was ranked."""
    return shown(Snapshot.objects.filter(suite=suite).defer("columns").order_by("-id")[:RECENT])


class State(NamedTuple):
    """What a board is made of, besides its address: a ranking, and the keys of the newest suite and import."""

    key: int
    digest: str
    created_at: datetime
    suite: int | None
    imported: int | None


@lately
def state_of(suite: str) -> State | None:
    """The ranking that is shown of `suite`, or for "" on the front page; None while there is none. 1 query."""
    if "\x00" in suite:
        return None
    newest_of = [Subquery(noun.objects.order_by("-id").values("pk")[:1]) for noun in (Suite, Import)]
    rows = of_slug(suite).values_list("pk", "digest", "created_at", *newest_of)
    return shown(State(*row) for row in rows[:RECENT])


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
    return AT_HAND.columns(snapshot.pk, snapshot.digest)


def read(snapshot: int, digest: str) -> Columns:
    """From this host's copy, which is named by its digest and made from the database when it is not there yet; of all
    processes that miss it, one makes it."""
    path = copy_of(digest)
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with FileLock(path.with_suffix(".lock")).exclusive():
            if not path.exists():
                table.write(whole(snapshot), path)
                forget_old()
            path.with_suffix(".lock").unlink(missing_ok=True)  # whoever waits for it finds the copy
    return table.read(path)


def whole(snapshot: int) -> pa.Table:
    """The columns of a ranking from the database: its own, or those of the one that it differs from, changed."""
    found = Snapshot.objects.select_related("base").defer("columns", "base__columns").get(pk=snapshot)
    data = stored_columns(found)
    return stored.from_bytes(data) if found.base is None else stored.applied(columns_of(found.base).table, data)


def stored_columns(snapshot: Snapshot) -> bytes:
    """The columns of a ranking as they are stored, tens of megabytes for a large one. That may take longer than what a
    reader asks (`leaderboard.patience`): it is done once for all of them."""
    with transaction.atomic(), binary_cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{READING}'")
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
