"""The weights that this host has downloaded: at most so many bytes, those used longest ago go first.

Each revision is a folder <target>/<org>/<name>/<sha> (`hub.download`) whose marker's time says when it was last used.
Whoever uses one holds a lock on the marker, so that no worker of the host evicts another's.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.hub import COMPLETE

log = logging.getLogger(__name__)


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """The weights in `folder` stay while this lasts; folders that were not downloaded here (a mirror's) stay anyway."""
    marker = folder / COMPLETE
    if not marker.is_file():
        yield
        return
    file = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        os.utime(marker)
        yield
    finally:
        os.close(file)


def evict(target: Path, *, limit: int) -> list[Path]:
    """Remove the revisions used longest ago until the rest has at most `limit` bytes; returns those removed.

    Downloads that are not complete are left: somebody may be at it. Those in use are left too.
    """
    markers = sorted(target.glob(f"*/*/*/{COMPLETE}"), key=lambda marker: marker.stat().st_mtime, reverse=True)
    removed, kept = [], 0
    for marker in markers:
        folder = marker.parent
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if kept + size > limit and removed_whole(folder):
            log.info("%s is evicted (%s bytes).", folder, size)
            removed.append(folder)
        else:
            kept += size
    return removed


def removed_whole(folder: Path) -> bool:
    """Remove a revision unless it is in use: out of sight in one step, then file by file."""
    file = os.open(folder / COMPLETE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden = folder.with_name(f".evicted-{folder.name}")
        folder.rename(hidden)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    shutil.rmtree(hidden)
    return True
