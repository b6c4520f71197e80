"""What a site needs to answer anybody, and what it can do without for a while."""

import logging
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, cast

import redis
from django.conf import settings as site
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from leaderboard import environment

log = logging.getLogger(__name__)

LEAST_FREE = 200 * 2**20
"""Bytes for files of samples: with less left, workers' chunks are about to be refused."""
KNOWN_SECONDS = 1.0
"""How long an answer holds: whoever may ask must not be able to make the database busy."""
BROKER_SECONDS = 0.5
TRIED_AGAIN_SECONDS = 30.0
"""After the database had no room for something: so long this process takes nothing more, then it tries again."""


@dataclass(frozen=True)
class Part:
    """One thing that is needed. `trouble` says what is wrong with it; `vital`: without it nothing works."""

    name: str
    trouble: str = ""
    vital: bool = True


@dataclass(frozen=True)
class Readiness:
    """`down`: no page can be shown; `degraded`: pages are shown, and something waits until it is mended."""

    parts: tuple[Part, ...]

    @property
    def status(self) -> Literal["ready", "degraded", "down"]:
        if any(part.trouble and part.vital for part in self.parts):
            return "down"
        return "degraded" if any(part.trouble for part in self.parts) else "ready"


_lock = threading.Lock()
_known: tuple[float, Readiness] | None = None
_migrated = False
_database_full_until = 0.0


def readiness() -> Readiness:
    """What this process can do now; one look a second, whoever asks how often."""
    global _known
    with _lock:
        now = time.monotonic()
        if _known is None or now - _known[0] > KNOWN_SECONDS:
            _known = (now, Readiness((database(), broker(), files())))
        return _known[1]


def database() -> Part:
    """It answers, and its tables are those of this release (looked at until they are, once a process)."""
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if missing:
                number = f"{len(missing)} migration{'s' if len(missing) > 1 else ''}"
                return Part("database", f"{number} behind this release: run `manage.py bootstrap`")
            _migrated = True
    except DatabaseError as error:
        log.warning("The database does not answer: %s", error)
        connection.close()  # the next look begins anew
        return Part("database", "does not answer")
    if database_full():
        return Part("database", "its disk is full: the site is read-only until there is room", vital=False)
    return Part("database")


def note_full_database() -> None:
    """The database has just refused something for want of room."""
    global _database_full_until
    _database_full_until = time.monotonic() + TRIED_AGAIN_SECONDS


def database_full() -> bool:
    """Whether this process knows that it had no room a moment ago."""
    return time.monotonic() < _database_full_until


def broker() -> Part:
    """Without it nothing is lost: work waits, and workers that ask by HTTPS find it."""
    url = environment.plain_redis(site.REDIS_URL)
    try:
        with redis.Redis.from_url(url, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return Part("broker", "does not answer: new work is begun late", vital=False)
    return Part("broker")


class Remote(Protocol):
    """A file storage on another machine."""

    def trouble(self) -> str:
        """What keeps it from being used, in words; nothing where it answers."""


def free_bytes() -> int | None:
    """Free space where files of samples are kept, or will be; None where they are on another machine."""
    if not isinstance(default_storage, FileSystemStorage):
        return None
    folder = Path(default_storage.location)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def full() -> bool:
    """Whether files of samples, or rows, have no room any more: nothing new is begun then."""
    free = free_bytes()
    return database_full() or (free is not None and free < LEAST_FREE)


def files() -> Part:
    """Space for samples, or the bucket they are in; most pages need neither."""
    free = free_bytes()
    if free is None:
        trouble = cast(Remote, default_storage).trouble()
        return Part("files", trouble and f"{trouble}: samples are neither taken nor shown", vital=False)
    if free < LEAST_FREE:
        return Part("files", f"{free // 2**20} MiB are left: workers' samples are about to be refused", vital=False)
    return Part("files")
