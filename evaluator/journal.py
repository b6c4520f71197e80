"""Every finished request of an evaluation, on disk: a crash repeats what was in flight, and nothing is asked twice.

One append-only file for each identity (a revision and everything about its engine that decides a response), shared by
all attempts and jobs of this host; one line a response: CRC-32 of the rest, a space, and JSON [key, response]. A line
that is damaged or cut off is skipped and counted, and its request is asked again. Appending is one write of whole lines
at the file's end, so that two processes may write at once. The oldest files go when all together become too large;
those that a process has open stay. This file knows no lm-eval: `evaluator.engines.reporting` asks it.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evaluator.contract import canonical_json

log = logging.getLogger(__name__)

SUFFIX = ".responses"
SYNC_SECONDS = 1.0
"""An engine ends requests many times a second; a disk takes milliseconds for each of them."""
TOKENIZER_FILES = (
    "tokenizer*",
    "chat_template*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "added_tokens.json",
)


class Journal:
    """The responses of one identity; `found` were there when it was opened, `damaged` lines were not readable."""

    def __init__(self, folder: Path, identity: Mapping[str, Any], *, taken: Path | None = None) -> None:
        """Open or begin the file in `folder` (made with mode 0700 if need be). Raises OSError.

        `taken`: the folder with journals of other hosts, which `refresh` reads.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{digest(identity)}{SUFFIX}"
        self._file = opened(self.path)
        os.utime(self._file)
        self.begin = os.fstat(self._file).st_size
        """Bytes that were there."""
        self._responses, self.damaged, whole = read(self.path)
        self._begin = b"" if whole else b"\n"
        self._synced = 0.0
        self._others = taken / self.path.name if taken else None
        self._read = {self.path: self.begin} | ({self._others: 0} if self._others else {})
        """How far each of the files has been read that others write to."""
        self.taken = 0
        """Responses that came from other hosts while this was open."""
        self.found = len(self._responses)
        if self.damaged:
            log.warning("%s lines of %s are damaged; their requests are asked again.", self.damaged, self.path)

    def __contains__(self, key: str) -> bool:
        return key in self._responses

    def __getitem__(self, key: str) -> Any:
        return self._responses[key]

    def record(self, responses: Iterable[tuple[str, Any]]) -> None:
        """Write responses (JSON values, exactly as they will be replayed) to the file, so that they survive this
        process, and within `SYNC_SECONDS` of the last time to the disk. Raises OSError when it is full."""
        new = {key: response for key, response in responses if key not in self._responses}
        if not new:
            return
        body = self._begin + b"".join(line(key, response) for key, response in new.items())
        self._begin = b"\n"  # should this stop in the middle
        while body:  # a disk that fills up takes a part first and refuses the rest
            body = body[os.write(self._file, body) :]
        self._begin = b""
        self._responses |= new
        self.sync(SYNC_SECONDS)

    def refresh(self) -> None:
        """Learn what others have written meanwhile: processes of this host, and what came from other hosts."""
        for path, begin in self._read.items():
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(begin)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[path] = begin + len(whole)
            before = len(self._responses)
            for entry in filter(None, map(read_line, whole.splitlines())):
                self._responses.setdefault(*entry)
            self.taken += len(self._responses) - before if path == self._others else 0

    def sync(self, seconds: float = 0.0) -> None:
        """Make what is written survive a dead machine too, unless that was done less than `seconds` ago."""
        if time.monotonic() - self._synced >= seconds:
            os.fsync(self._file)
            self._synced = time.monotonic()

    def close(self) -> None:
        self.sync()
        os.close(self._file)


def opened(path: Path) -> int:
    """The file for reading and appending, held (shared) so that nobody evicts it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file).st_nlink:
            return file
        os.close(file)  # evicted between the two calls


def line(key: str, response: Any) -> bytes:
    """ASCII, so that NUL and lone surrogates in a model's text survive; numbers read back as exactly themselves."""
    body = json.dumps([key, response], ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def read(path: Path) -> tuple[dict[str, Any], int, bool]:
    """The responses of a file, how many of its lines are damaged, and whether its last line is whole."""
    responses: dict[str, Any] = {}
    damaged, end = 0, b"\n"
    with path.open("rb") as lines:
        for row in lines:
            end = row[-1:]
            entry = read_line(row)
            if entry is not None:
                responses[entry[0]] = entry[1]
            elif row != b"\n":
                damaged += 1
    return responses, damaged, end == b"\n"


def read_line(row: bytes) -> tuple[str, Any] | None:
    """Key and response of a line; None for one that is damaged."""
    check, _, body = row.rstrip(b"\n").partition(b" ")
    if not body or check != b"%08x" % zlib.crc32(body):
        return None
    key, response = json.loads(body)
    return key, response


def adopt(folder: Path, name: str, rows: Iterable[bytes]) -> int:
    """Add another host's lines to the journal of this name, but what is there or is damaged; returns how many.

    Raises OSError. `name` is an identity's digest, and no path.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}{SUFFIX}"
    file = opened(path)
    try:
        known, _, whole = read(path)
        entries = filter(None, map(read_line, rows))
        new = {key: response for key, response in entries if key not in known}
        body = (b"" if whole else b"\n") + b"".join(line(key, response) for key, response in new.items())
        while new and body:
            body = body[os.write(file, body) :]
        os.fsync(file)
    finally:
        os.close(file)
    return len(new)


def append(folder: Path, name: str, rows: Iterable[bytes]) -> int:
    """As `adopt`, without a look at what is there, for a folder that one process writes: a line may be there twice."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    good = [row for row in rows if row.endswith(b"\n") and read_line(row) is not None]
    with (folder / f"{name}{SUFFIX}").open("ab") as file:
        file.writelines(good)
    return len(good)


def digest(value: Any) -> str:
    """SHA-256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def tokenizer_digest(model: Path) -> str:
    """SHA-256 (hex) over name and content of the files that make a model's tokenizer and chat template."""
    files = sorted({path for pattern in TOKENIZER_FILES for path in model.glob(pattern) if path.is_file()})
    return digest([(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files])


def evict(folder: Path, *, limit: int) -> list[Path]:
    """Remove the journals used longest ago until all together have at most `limit` bytes; returns those removed."""
    if not folder.is_dir():
        return []
    files = sorted(((path.stat().st_mtime, path) for path in folder.glob(f"*{SUFFIX}")), reverse=True)
    removed, kept = [], 0
    for _, path in files:
        size = path.stat().st_size
        if kept + size > limit and unlinked(path):
            removed.append(path)
        else:
            kept += size
    return removed


def unlinked(path: Path) -> bool:
    """Remove a journal unless a process has it open."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
