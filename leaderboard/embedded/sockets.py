"""Where a server's Unix socket lies: its path has to fit into about 100 bytes."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from leaderboard.embedded.errors import EmbeddedError

LONGEST_PATH = 100  # bytes; Linux takes 107, macOS 103


def socket_folder(run: Path, data: Path, name: str) -> Path:
    """A folder, mode 0700, in which a socket called `name` may be bound: `run`, or a short one instead.

    The short one serves when `run` is too long, or holds a comma (which separates hosts for libpq). It depends
    on `data` only, so two starts on the same data agree on it (as long as TMPDIR is the same).
    Raises EmbeddedError when someone else made that folder first, or when nothing is short enough.
    """
    if len(os.fsencode(run / name)) <= LONGEST_PATH and "," not in str(run):
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        return run
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"parity-{digest}"
    if len(os.fsencode(short / name)) > LONGEST_PATH:
        raise EmbeddedError(
            f"{short / name} is too long for a Unix socket: set TMPDIR to a folder with a shorter path."
        )
    short.mkdir(mode=0o700, exist_ok=True)
    _check_private(short, data)
    return short


def _check_private(folder: Path, data: Path) -> None:
    """Anyone may create files in the system's temporary folder, so one that is already there is not trusted blindly."""
    found = folder.lstat()
    ours = {os.geteuid(), data.stat().st_uid} if data.exists() else {os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or found.st_mode & 0o077:
        raise EmbeddedError(
            f"{folder} should be a folder of this user that no one else can enter, and is not. "
            "Remove it, or set TMPDIR to a folder of your own."
        )
