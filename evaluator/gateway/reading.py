"""Reading what an endpoint sends, bounded in size while it comes. The clock is the session's."""

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp

from evaluator.gateway.limits import Limits
from evaluator.gateway.outcomes import Unreadable

PIECE = 2**16
DRAINED_BYTES, DRAINED_SECONDS = 2**16, 0.5
WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class TooLarge(Exception):
    """More than may be read."""


async def pieces(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """The body as it comes, decompressed; raises TooLarge beyond `most` bytes of it, before they are in memory, and
    Unreadable for a compression that nobody asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        plain: AsyncIterator[bytes] = response.content.iter_any()
        if (response.content_length or 0) > most:
            raise TooLarge
    elif encoding in WINDOW:
        plain = inflated(response.content.iter_any(), WINDOW[encoding])
    else:
        raise Unreadable("bad_encoding", f"The answer is compressed by {encoding[:30]!r}, which was not asked for.")
    size = 0
    async for piece in plain:
        size += len(piece)
        if size > most:
            raise TooLarge
        yield piece


async def inflated(compressed: AsyncIterator[bytes], window: int) -> AsyncIterator[bytes]:
    """Decompressed, in small pieces: a bomb is noticed by its first megabytes."""
    machine = zlib.decompressobj(window)
    try:
        async for piece in compressed:
            while piece:
                yield machine.decompress(piece, PIECE)
                piece = machine.unconsumed_tail
    except zlib.error:
        raise Unreadable("bad_encoding", "The answer's compression is damaged.") from None
    if not machine.eof:
        raise Unreadable("cut", "The answer ends before its end.")


async def whole(response: aiohttp.ClientResponse, limits: Limits) -> bytes:
    """A body of JSON."""
    return b"".join([piece async for piece in pieces(response, limits.answer_bytes)])


def parsed(data: bytes | str) -> dict[str, Any]:
    """A JSON object; raises Unreadable."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):  # broken UTF-8 is a ValueError too
        raise Unreadable("bad_json", "The answer is not JSON.") from None
    if not isinstance(said, dict):
        raise Unreadable("bad_json", "The answer is JSON but not an object.")
    return said


async def events(response: aiohttp.ClientResponse, limits: Limits) -> AsyncGenerator[str, None]:
    """The data of each server-sent event, in order; raises TooLarge and Unreadable."""
    buffer, searched = bytearray(), 0
    data: list[bytes] = []
    async for piece in pieces(response, limits.stream_bytes):
        buffer += piece
        while (end := buffer.find(b"\n", searched)) >= 0:
            line = bytes(buffer[:end]).removesuffix(b"\r")
            del buffer[: end + 1]
            searched = 0
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield text(data)
                data = []
        searched = len(buffer)
        if searched > limits.answer_bytes:
            raise TooLarge
    if data:
        yield text(data)


async def drained(response: aiohttp.ClientResponse) -> None:
    """Read what follows an answer's last event, so that the connection can be used again: its end, if it comes soon."""
    left = DRAINED_BYTES
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(DRAINED_SECONDS):
            async for piece in response.content.iter_any():
                left -= len(piece)
                if left < 0:
                    return


def text(lines: list[bytes]) -> str:
    try:
        return b"\n".join(lines).decode()
    except UnicodeDecodeError:
        raise Unreadable("bad_json", "The answer's stream is not UTF-8.") from None
