"""Connections to checked addresses only, for asyncio: the twin of `evaluator.addresses.pinned`, with its checks."""

import asyncio
import queue
import socket
import ssl
import threading
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from evaluator.addresses import AddressRefused, Allowed
from evaluator.addresses.pinned import MOST_TRIED, Lookup, looked_up
from evaluator.addresses.ranges import Address
from evaluator.addresses.urls import Target, checked_addresses, numeric, read_host
from evaluator.gateway.limits import Limits

IDLE_SECONDS = 4.0
"""A connection idle for longer is not used again: many servers close theirs after five, and a request that crosses with
the close counts as one that may have been paid."""


class Checked(AbstractResolver):
    """Looks a name up once for each connection and gives checked addresses; raises AddressRefused, or OSError."""

    def __init__(self, target: Target, allowed: Allowed, lookup: Lookup, seconds: float) -> None:
        self._allowed, self._lookup, self._seconds = allowed, lookup, seconds
        number = numeric(target.host)
        self._checked = (
            set() if number is None else set(checked_addresses(target.host, target.port, allowed, [target.host]))
        )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        host = read_host(host)
        found = checked_addresses(host, port, self._allowed, await self.looked_up(host, port))[:MOST_TRIED]
        self._checked.update(found)
        return [result(host, port, address) for address in found]

    async def looked_up(self, host: str, port: int) -> list[str]:
        """The system's resolver knows no timeout, so it gets a thread that may stay behind."""
        loop = asyncio.get_running_loop()
        answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
        there = asyncio.Event()

        def look() -> None:
            answers.put(looked_up(self._lookup, host, port))
            try:
                loop.call_soon_threadsafe(there.set)
            except RuntimeError:  # the gateway ended meanwhile
                return

        threading.Thread(target=look, daemon=True).start()
        try:
            await asyncio.wait_for(there.wait(), self._seconds)
        except TimeoutError:
            raise OSError(f"Looking up {host} took too long.") from None
        answer = answers.get_nowait()
        if isinstance(answer, Exception):
            raise OSError(f"{host} has no address: {answer}")
        if not answer:
            raise OSError(f"{host} has no address.")
        return answer

    def opened(self, information: Any) -> socket.socket:
        """The socket for one address; refuses whatever was not checked, whoever asks for it."""
        family, kind, protocol, _, place = information
        address = read_address(place[0])
        if address not in self._checked:
            raise AddressRefused("private_address", f"{address} was not checked.")
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Nothing is held."""


def read_address(text: str) -> Address:
    address = numeric(text)
    if address is None:
        raise AddressRefused("private_address", f"{text[:100]!r} is not a numeric address.")
    return address


def result(host: str, port: int, address: Address) -> ResolveResult:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return ResolveResult(
        hostname=host, host=str(address), port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )


def session(
    target: Target, allowed: Allowed, *, lookup: Lookup, tls: ssl.SSLContext, limits: Limits
) -> aiohttp.ClientSession:
    """A session that contacts checked addresses only: no redirects, proxies, cookies or environment.

    Callers pass `allow_redirects=False`. The number of connections is bounded by who asks.
    """
    resolver = Checked(target, allowed, lookup, limits.connect_seconds)
    connector = aiohttp.TCPConnector(
        resolver=resolver, use_dns_cache=False, limit=0, ssl=tls, keepalive_timeout=IDLE_SECONDS,
        socket_factory=resolver.opened,
    )  # fmt: skip
    timeout = aiohttp.ClientTimeout(
        total=limits.try_seconds, sock_connect=limits.connect_seconds, sock_read=limits.silent_seconds
    )
    return aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False,
        auto_decompress=False, raise_for_status=False,
    )  # fmt: skip
