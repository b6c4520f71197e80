"""A proxy on loopback between a worker and its site that mistreats calls by plan: a network that fails when it hurts.

Each call's reply has been made, and what it changed is committed, before anything is done to it; only a late call waits
before the site has it.
"""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Fate = Literal["pass", "drop", "twice", "cut", "delay", "late", "again"]
"""drop: the site answers and nobody hears it. twice: the site gets the call two times, the second answer counts. cut:
the answer ends in the middle of its body (one without a body is dropped). delay: it comes `delay` seconds later. late:
the site gets the call so much later. again: whoever called is answered, and the site gets the call once more so much
later."""

DELAY = 1.5
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


@dataclass(frozen=True)
class Call:
    """`turn` counts the calls of this method and path from 1."""

    method: str
    path: str
    turn: int
    fate: Fate
    status: int


Plan = Callable[[str, str, int], Fate]
"""From method, path without query, and turn to what happens."""


class Proxy:
    """Forwards to `upstream` and listens at `url` inside a `with` block; keeps its `calls`."""

    def __init__(self, upstream: str, plan: Plan, *, delay: Callable[[], float] = lambda: DELAY) -> None:
        self.upstream, self.plan, self.delay = urlsplit(upstream), plan, delay
        self.calls: list[Call] = []
        self.turns: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()
        self.open: set[http.client.HTTPConnection] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = False  # so that closing waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        with self.lock:
            for upstream in self.open:  # a claim that waits for a job would keep its thread for long
                if upstream.sock is not None:
                    upstream.sock.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def turn(self, method: str, path: str) -> int:
        with self.lock:
            self.turns[method, path] += 1
            return self.turns[method, path]


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    # One call a connection: a dropped one then takes no other with it.
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: object) -> None:
        """The tests look at `Proxy.calls`."""

    def handle_call(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        turn = self.proxy.turn(self.command, path)
        fate = self.proxy.plan(self.command, path, turn)
        try:
            if fate == "late":
                time.sleep(self.proxy.delay())
            for _ in range(2 if fate == "twice" else 1):
                status, headers, content = self.forward(body)
        except (OSError, http.client.HTTPException):
            return  # the site is gone, or this proxy is being closed
        self.proxy.calls.append(Call(self.command, path, turn, fate, status))
        if fate == "delay":
            time.sleep(self.proxy.delay())
        if fate == "drop" or (fate == "cut" and not content):
            return
        self.answer(fate, status, headers, content)
        if fate == "again":
            time.sleep(self.proxy.delay())
            try:
                self.forward(body)
            except (OSError, http.client.HTTPException):
                pass  # as above

    def answer(self, fate: Fate, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        """The site's reply, whole or cut."""
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fate == "cut" else content)
            self.wfile.flush()
        except OSError:
            pass  # the worker has been killed, or has given up waiting

    do_GET = do_POST = do_PUT = handle_call

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(str(self.proxy.upstream.hostname), self.proxy.upstream.port, timeout=60)
        with self.proxy.lock:
            self.proxy.open.add(upstream)
        try:
            kept: dict[str, Any] = {
                name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON
            }
            upstream.request(self.command, self.path, body=body, headers=kept)
            reply = upstream.getresponse()
            content = reply.read()
            headers = [(name, value) for name, value in reply.getheaders() if name.lower() not in NOT_PASSED_ON]
            return reply.status, headers, content
        finally:
            with self.proxy.lock:
                self.proxy.open.discard(upstream)
            upstream.close()
