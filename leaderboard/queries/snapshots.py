"""The newest ranking of a suite, with its columns in memory."""

import os
from functools import lru_cache

from django.conf import settings

from leaderboard.columnar import table
from leaderboard.columnar.table import Columns
from leaderboard.models import Snapshot, Suite
from leaderboard.queries.gathered import gathered

KEPT = 8
"""Rankings whose columns a process keeps at hand; they are files mapped into memory, shared with its neighbours."""


def newest(suite: Suite | int) -> Snapshot | None:
    """The newest ranking of a suite (or of the one with this key), without its columns; None while nothing was
    ranked."""
    return Snapshot.objects.filter(suite=suite).defer("columns").order_by("-id").first()


def columns_of(snapshot: Snapshot) -> Columns:
    """The columns of a ranking; those of one from before columns were kept are gathered anew each time."""
    if not snapshot.digest:
        return Columns(gathered(snapshot))
    return _columns(snapshot.digest, snapshot.pk)


@lru_cache(maxsize=KEPT)
def _columns(digest: str, snapshot: int) -> Columns:
    """From this host's copy, which is named by its digest and made from the database when it is not there yet."""
    folder = settings.STATE_DIR / "boards"
    path = folder / f"{digest}.arrow"
    if not path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        table.unpack(bytes(Snapshot.objects.values_list("columns", flat=True).get(pk=snapshot)), path)
        forget_old(KEPT * 4)
    return table.read(path)


def forget_old(kept: int) -> None:
    """Remove the oldest copies of this host, so that `kept` are left; they can be made again."""
    copies = sorted((settings.STATE_DIR / "boards").glob("*.arrow"), key=os.path.getmtime)
    for path in copies[:-kept]:
        path.unlink(missing_ok=True)
