"""The weights that this host has downloaded: at most so many bytes, those used longest ago go first.

Each revision is a folder <target>/<org>/<name>/<sha> (`hub.download`) whose marker's time says when it was last used.
Whoever uses one holds a lock on the marker, and whoever downloads one on the marker of that, so that no worker of the
host evicts another's.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.hub import COMPLETE, DOWNLOADING

log = logging.getLogger(__name__)

MARKERS = (COMPLETE, DOWNLOADING)


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

    Those in use stay, and count first. A download that was interrupted is a revision too, last used when it began; one
    that somebody is at is in use.
    """
    folders = sorted(kept_in(target), key=lambda one: (in_hand(one), used_at(one)), reverse=True)
    removed, kept = [], 0
    for folder in folders:
        size = size_of(folder)
        if kept + size > limit and removed_whole(folder):
            log.info("%s is evicted (%s bytes).", folder, size)
            removed.append(folder)
        else:
            kept += size
    return removed


def make_room(target: Path, *, limit: int, needed: int) -> bool:
    """Evict so that `needed` bytes more stay within `limit`; False, with nothing evicted, where those in use leave too
    little."""
    if sum(size_of(folder) for folder in kept_in(target) if in_hand(folder)) + needed > limit:
        return False
    evict(target, limit=limit - needed)
    return True


def kept_in(target: Path) -> set[Path]:
    """The folders of revisions, whole and not; without a marker nobody knows what one is."""
    return {
        marker.parent for name in MARKERS for marker in target.glob(f"*/*/*/{name}") if marker.parent.name[0] != "."
    }


def markers_of(folder: Path) -> list[Path]:
    """Those that are there, which is none where another worker has just evicted it."""
    return [folder / name for name in MARKERS if (folder / name).exists()]


def used_at(folder: Path) -> float:
    """When it was last used, in seconds of the clock."""
    return max((marker.stat().st_mtime for marker in markers_of(folder)), default=0.0)


def size_of(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def in_hand(folder: Path) -> bool:
    """Whether somebody uses it, or downloads it."""
    held = locked(folder)
    for file in held or ():
        os.close(file)
    return held is None


def locked(folder: Path) -> list[int] | None:
    """Its markers, open and locked for this process alone; None where somebody has one."""
    files: list[int] = []
    try:
        for marker in markers_of(folder):
            files.append(os.open(marker, os.O_RDONLY | os.O_CLOEXEC))
            fcntl.flock(files[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        for file in files:
            os.close(file)
        return None
    return files


def removed_whole(folder: Path) -> bool:
    """Remove a revision unless it is in use: out of sight in one step, then file by file."""
    held = locked(folder)
    if not held:
        return False
    out_of_sight = folder.with_name(f".evicted-{folder.name}")
    try:
        folder.rename(out_of_sight)
    finally:
        for file in held:
            os.close(file)
    shutil.rmtree(out_of_sight)
    return True
