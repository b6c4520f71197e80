"""A client that connects to checked addresses only."""

import functools
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from evaluator.addresses.ranges import Address
from evaluator.addresses.urls import NOBODY, Allowed, check_url, checked_addresses, numeric, read_host, read_ipv6

Lookup = Callable[[str, int], Iterable[str]]
"""Host and port to numeric addresses; OSError when the name has none."""

MOST_TRIED = 4
"""Addresses of one name that a connection tries."""


def system_lookup(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Clock:
    """When everything has to be over. `end` is on the monotonic clock; None: each step has its own limit only."""

    end: float | None

    def left(self, step: float | None, late: type[Exception]) -> float | None:
        """Seconds for a step that may take `step`; raises `late` when the time is up."""
        if self.end is None:
            return step
        rest = self.end - time.monotonic()
        if rest <= 0:
            raise late("The time for the whole exchange is up.")
        return rest if step is None else min(step, rest)


@dataclass
class Timed(httpcore.NetworkStream):
    """A stream that ends with its clock: a peer that sends a byte now and then gets no second more."""

    stream: httpcore.NetworkStream
    clock: Clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.clock.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self.clock.left(timeout, httpcore.ConnectTimeout)
        return Timed(self.stream.start_tls(ssl_context, server_hostname, left), self.clock)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


@dataclass
class Pinned(httpcore.NetworkBackend):
    """Connects to checked addresses only; whoever is above it (pool, redirect, reuse) cannot get past it."""

    allowed: Allowed
    lookup: Lookup
    clock: Clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        host = read_ipv6(host) if ":" in host else read_host(host)
        problem: Exception = httpcore.ConnectError(f"{host} has no address.")
        for address in self.resolve(host, port, timeout)[:MOST_TRIED]:
            try:
                left = self.clock.left(timeout, httpcore.ConnectTimeout)
                stream = httpcore.SyncBackend().connect_tcp(str(address), port, left, local_address, socket_options)
                return Timed(stream, self.clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    def resolve(self, host: str, port: int, timeout: float | None) -> list[Address]:
        """The checked addresses of a host, asking for them once."""
        if numeric(host) is not None:
            return checked_addresses(host, port, self.allowed, [host])
        # The system's resolver knows no timeout, so it gets a thread that may stay behind.
        answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
        threading.Thread(target=lambda: answers.put(looked_up(self.lookup, host, port)), daemon=True).start()
        try:
            answer = answers.get(timeout=self.clock.left(timeout, httpcore.ConnectTimeout))
        except queue.Empty:
            raise httpcore.ConnectTimeout(f"Looking up {host} took too long.") from None
        if isinstance(answer, Exception):
            raise httpcore.ConnectError(f"{host} has no address: {answer}") from answer
        return checked_addresses(host, port, self.allowed, answer)


def looked_up(lookup: Lookup, host: str, port: int) -> list[str] | Exception:
    try:
        return list(lookup(host, port))
    except Exception as error:  # it belongs to the thread that waits
        return error


@functools.cache
def system_tls() -> ssl.SSLContext:
    """TLS that verifies host names; reading the certificates takes a while, so once a process."""
    return httpx.create_ssl_context()


@contextmanager
def as_httpx(request: httpx.Request) -> Iterator[None]:
    """httpcore's errors as httpx's, which have the same names."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise getattr(httpx, type(error).__name__)(str(error), request=request) from error


@dataclass
class Body(httpx.SyncByteStream):
    """The body of a reply as it comes."""

    reply: httpcore.Response
    request: httpx.Request

    def __iter__(self) -> Iterator[bytes]:
        with as_httpx(self.request):
            yield from self.reply.iter_stream()

    def close(self) -> None:
        self.reply.close()


class Transport(httpx.BaseTransport):
    """httpx over pinned connections. It judges each URL too, so that a redirection would be judged like any other."""

    def __init__(self, backend: Pinned, tls: ssl.SSLContext) -> None:
        self.allowed = backend.allowed
        self.pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        check_url(str(request.url), self.allowed)
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        with as_httpx(request):
            reply = self.pool.handle_request(asked)
        return httpx.Response(
            reply.status, headers=reply.headers, stream=Body(reply, request), extensions=reply.extensions
        )

    def close(self) -> None:
        self.pool.close()


def client(
    allowed: Allowed = NOBODY,
    *,
    seconds: float | None = None,
    step_seconds: float = 10.0,
    lookup: Lookup | None = None,
    tls: ssl.SSLContext | None = None,
) -> httpx.Client:
    """A client that contacts allowed addresses only: no redirects, no proxies, nothing else from the environment.

    `seconds` is the time for everything that it is used for, from now on, however slowly a peer drips; `step_seconds`
    for one step (connect, read, write). Raises AddressRefused where httpx would raise a TransportError.
    """
    clock = Clock(None if seconds is None else time.monotonic() + seconds)
    backend = Pinned(allowed, lookup or system_lookup, clock)
    transport = Transport(backend, tls or system_tls())
    return httpx.Client(transport=transport, timeout=step_seconds, follow_redirects=False, trust_env=False)
