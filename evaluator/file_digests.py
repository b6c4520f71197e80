"""SHA-256 of files, remembered between calls: weights are large and rarely change."""

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

State = tuple[int, int, int, int]
"""Size, mtime_ns, inode, ctime_ns: while these stay, the content is taken to be the same."""

CACHE_FILE = "file-digests.json"


class FileDigests:
    """SHA-256 by path. `cache` is a folder (made if need be) for what is remembered; None remembers nothing.

    What cannot be read back from the cache is hashed again, and a cache that cannot be written costs time only: both
    are logged. Two processes may write at once; the later one wins and the other hashes again some day.
    """

    def __init__(self, cache: Path | None) -> None:
        self._file = None if cache is None else cache / CACHE_FILE
        self._known = {} if self._file is None else _read(self._file)
        self._changed = False

    def sha256(self, path: Path) -> str:
        """Lower-case hex digest of the file's content; links are followed. Raises OSError."""
        with path.open("rb") as opened:
            before = _state(opened.fileno())
            known = self._known.get(str(path))
            if known is not None and known[0] == before:
                return known[1]
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            if _state(opened.fileno()) == before:  # not written to meanwhile
                self._known[str(path)] = (before, digest)
                self._changed = True
        return digest

    def save(self) -> None:
        """Write what is new, atomically; files that are gone are forgotten."""
        if self._file is None or not self._changed:
            return
        known = {path: [*state, digest] for path, (state, digest) in self._known.items() if Path(path).exists()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._file.parent, delete=False, encoding="utf-8") as new:
                json.dump(known, new)
            Path(new.name).replace(self._file)
        except OSError as error:
            logger.warning("Digests of model files are not remembered in %s: %s", self._file, error)
        self._changed = False


def _state(descriptor: int) -> State:
    """ctime is there because copying with preserved times leaves the other three as they were."""
    now = os.fstat(descriptor)
    return now.st_size, now.st_mtime_ns, now.st_ino, now.st_ctime_ns


def _read(file: Path) -> dict[str, tuple[State, str]]:
    try:
        rows = json.loads(file.read_bytes())
        return {path: ((int(size), int(mtime), int(inode), int(ctime)), _hex(digest))
                for path, (size, mtime, inode, ctime, digest) in rows.items()}  # fmt: skip
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("Digests remembered in %s are unreadable and are computed again: %s", file, error)
        return {}


def _hex(digest: object) -> str:
    if not isinstance(digest, str) or len(bytes.fromhex(digest)) != hashlib.sha256().digest_size:
        raise ValueError("not a SHA-256")
    return digest
