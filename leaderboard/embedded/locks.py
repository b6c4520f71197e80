"""File locks (flock) between processes that the kernel releases when the holder ends, however it ends."""

import fcntl
import os
import weakref
from pathlib import Path
from typing import Self


class Lock:
    """One open file that is locked or not. Different Lock objects on one path exclude each other, in one process too.

    A lock belongs to the process that took it: exec closes the file (O_CLOEXEC), and a forked child closes its copy,
    so no child keeps a lock alive after its parent's death.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        _locks.add(self)

    def exclusive(self) -> Self:
        """Wait until no one else holds the lock in any way."""
        self._take(fcntl.LOCK_EX)
        return self

    def shared(self) -> Self:
        """Wait until no one else holds the lock exclusively."""
        self._take(fcntl.LOCK_SH)
        return self

    def try_exclusive(self) -> bool:
        """Take the lock if no one else holds it in any way; never waits."""
        try:
            self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go; does nothing when the lock is not held."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # closing is not enough while a child has just been forked
            self._close()

    def holders(self) -> list[int]:
        """The process ids that hold this lock, as far as the kernel tells (/proc/locks, Linux only)."""
        table = Path("/proc/locks")
        if not table.exists() or not self.path.exists():
            return []
        inode = str(self.path.stat().st_ino)
        rows = [line.split() for line in table.read_text().splitlines() if " FLOCK " in line and "->" not in line]
        return sorted({int(row[4]) for row in rows if row[5].rsplit(":", 1)[-1] == inode and row[4].isdigit()})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, operation: int) -> None:
        self.release()
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, operation)
        except BaseException:
            os.close(file)
            raise
        self._file = file


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _release_in_child() -> None:
    for lock in list(_locks):
        lock._close()  # unlocking would unlock for the parent too


os.register_at_fork(after_in_child=_release_in_child)
