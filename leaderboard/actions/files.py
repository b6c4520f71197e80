"""Files in storage, whole or not at all."""

import errno
import logging
import os
import secrets
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage

from leaderboard.actions.errors import NoRoom

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def keep(path: str, body: bytes, storage: Storage = default_storage) -> str:
    """Put `body` into file storage at `path`; returns the name under which it is there. Raises OSError.

    On a file system it appears whole, in place of whatever a crash left there, and equal calls at once leave one file.
    Other storages write whole objects by themselves and may choose another name. Raises NoRoom where the disk is full.
    """
    if isinstance(storage, FileSystemStorage):
        try:
            replace(Path(storage.path(path)), body, storage.file_permissions_mode)
        except OSError as error:
            if error.errno not in FULL:
                raise
            log.error("The disk of files is full: %s", error)
            raise NoRoom(
                "disk_full", "The site's disk is full. Keep this, and send it again until it is taken."
            ) from error
        return path
    return storage.save(path, ContentFile(body))


def replace(path: Path, body: bytes, mode: int | None) -> None:
    """Write a file beside `path` and move it there in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with fresh.open("xb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        if mode is not None:
            fresh.chmod(mode)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def discard(path: str) -> None:
    """Remove a file that no row names."""
    default_storage.delete(path)
