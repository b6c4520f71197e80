"""Items as they are stored: gzip JSON lines, some thousand items a part. And an upload, as it came, in parts too."""

import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import msgspec

from leaderboard.workloads.records import Item

PART = 1_000
PART_BYTES = 8 * 2**20
"""Unpacked: a part of long prompts has fewer of them."""
LEVEL = 3


class Part(NamedTuple):
    """Items from `first` (from 0) on."""

    first: int
    n: int
    data: bytes


class Packing:
    """Items in, parts out; `digest` is the SHA-256 (hex) of all of them once they are through."""

    def __init__(self) -> None:
        self.n = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def parts(self, items: Iterable[Item]) -> Iterator[Part]:
        lines: list[bytes] = []
        size = 0
        for item in items:
            line = msgspec.json.encode(item)
            self._hash.update(line + b"\n")
            lines.append(line)
            size += len(line)
            self.n += 1
            if len(lines) == PART or size > PART_BYTES:
                yield part(self.n - len(lines), lines)
                lines, size = [], 0
        if lines:
            yield part(self.n - len(lines), lines)


def part(first: int, lines: list[bytes]) -> Part:
    return Part(first, len(lines), gzip.compress(b"\n".join(lines), LEVEL, mtime=0))


def items_in(data: bytes | memoryview) -> list[Item]:
    """The items of a stored part."""
    decoder = msgspec.json.Decoder(Item)
    return [decoder.decode(line) for line in gzip.decompress(data).split(b"\n")]


RAW = 2**20
"""Bytes of an upload in one part, unpacked."""


def raw_parts(source: IO[bytes]) -> Iterator[bytes]:
    """An upload as it came, packed part by part."""
    while block := source.read(RAW):
        yield gzip.compress(block, LEVEL, mtime=0)


class Unpacked(io.RawIOBase):
    """The bytes of an upload again, from its parts: one of them in memory at a time."""

    def __init__(self, parts: Iterable[bytes | memoryview]) -> None:
        self._parts = iter(parts)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(gzip.decompress(part))
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n


def unpacked(parts: Iterable[bytes | memoryview]) -> io.BufferedReader:
    """An upload from its parts, to be read like a file."""
    return io.BufferedReader(Unpacked(parts))
