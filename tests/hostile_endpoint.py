"""An endpoint on loopback that answers as a test scripts it: well, badly, or not at all.

`answers` are used up one a request, then `default` answers each. An answer is a function of the connection and the call
and returns whether the connection stays open.
"""

import gzip
import json
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.receiver import Call

Answer = Callable[[socket.socket, Call], bool]
PATH = "/v1"


@dataclass
class Endpoint:
    """Its address, what it will answer, and what it was asked."""

    port: int
    default: Answer
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What the requests said."""
        return [json.loads(call.body) for call in self.calls if call.body]

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while (call := read_call(stream)) is not None:
                answer = self.answers.pop(0) if self.answers else self.default
                self.calls.append(call)
                if not answer(connection, call):
                    return


def read_call(stream: Any) -> Call | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while (text := stream.readline().decode().strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Call(line, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def serving(
    default: Answer | None = None, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Endpoint]:
    """An endpoint that answers each connection in a thread of its own."""
    with socket.create_server((host, port), backlog=512) as server:
        endpoint = Endpoint(server.getsockname()[1], default or chat("Hello."))

        def served(connection: socket.socket) -> None:
            with suppress(OSError):
                endpoint.serve(tls.wrap_socket(connection, server_side=True) if tls else connection)

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                endpoint.connections += 1
                connection.settimeout(30)
                threading.Thread(target=served, args=[connection], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield endpoint
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def raw(data: bytes, *, stays: bool = False) -> Answer:
    """These bytes, whatever they are."""

    def answer(connection: socket.socket, call: Call) -> bool:
        connection.sendall(data)
        return stays

    return answer


def said(status: int, body: Any, headers: Mapping[str, str] | None = None, *, kind: str = "application/json") -> Answer:
    """A status with a body: bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}
    return raw(head(status, lines) + data, stays=True)


def head(status: int, lines: Mapping[str, str]) -> bytes:
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{told}\r\n".encode()


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None, **about: Any) -> Answer:
    """An error as OpenAI tells it."""
    return said(status, {"error": {"message": message, "type": "error", **about}}, headers)


def chat(text: str, *, given: int = 10, made: int = 5, **about: Any) -> Answer:
    """An answer of a chat, streamed where that is asked for."""
    usage = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made, **about}
    whole = {
        "id": "c1", "object": "chat.completion", "model": "served-1", "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": usage,
    }  # fmt: skip

    def answer(connection: socket.socket, call: Call) -> bool:
        if not json.loads(call.body).get("stream"):
            return said(200, whole)(connection, call)
        return streamed([*deltas(text), {"model": "served-1", "choices": [], "usage": usage}, "[DONE]"])(
            connection, call
        )

    return answer


def deltas(text: str) -> list[Any]:
    """The chunks of a chat's stream, a word each."""
    words = re.findall(r"\s*\S+|\s+", text)
    return [*map(delta, words), {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]


def delta(text: str) -> Any:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def streamed(events: Iterable[Any], *, pause: float = 0.0, ends: bool = True) -> Answer:
    """Server-sent events in chunks; texts as they are, anything else as JSON. `ends`: the body's end is told."""

    def answer(connection: socket.socket, call: Call) -> bool:
        connection.sendall(head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}))
        for event in events:
            data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
            connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(pause)
        if ends:
            connection.sendall(b"0\r\n\r\n")
        return ends

    return answer


def hang(seconds: float = 30.0) -> Answer:
    """Not a byte."""

    def answer(connection: socket.socket, call: Call) -> bool:
        time.sleep(seconds)
        return False

    return answer


def slow(seconds: float, then: Answer) -> Answer:
    def answer(connection: socket.socket, call: Call) -> bool:
        time.sleep(seconds)
        return then(connection, call)

    return answer


def drip(start: bytes, *, seconds: float = 30.0, every: float = 0.02, piece: bytes = b" ") -> Answer:
    """`start`, then a piece now and then: no single read of it is slow."""

    def answer(connection: socket.socket, call: Call) -> bool:
        connection.sendall(start)
        for _ in range(int(seconds / every)):
            connection.sendall(piece)
            time.sleep(every)
        return False

    return answer


def huge(size: int, lines: Mapping[str, str]) -> Answer:
    """200 with `size` bytes of a JSON that never ends; stops when nobody reads on."""

    def answer(connection: socket.socket, call: Call) -> bool:
        connection.sendall(head(200, {"Content-Type": "application/json", **lines}) + b'{"choices": "')
        for _ in range(size // 65_536):
            connection.sendall(b"x" * 65_536)
        return False

    return answer


def bomb(size: int, encoding: str = "gzip") -> Answer:
    """A small body that decompresses to `size` bytes."""
    squeeze = gzip.compress if encoding == "gzip" else zlib.compress
    return said(200, squeeze(b"[" * size), {"Content-Encoding": encoding})


def echo(status: int = 200) -> Answer:
    """Everything that was sent, headers too, in the body and the headers of the answer."""

    def answer(connection: socket.socket, call: Call) -> bool:
        told = json.dumps(dict(call.headers)) + call.body.decode()
        lines = {f"X-Echo-{name}": value for name, value in call.headers.items()}
        if status == 200:
            choice = {"index": 0, "message": {"role": "assistant", "content": told}, "finish_reason": told}
            body: Any = {"model": told, "system_fingerprint": told, "choices": [choice]}
        else:
            body = {"error": {"message": told, "code": told, "type": told}}
        return said(status, body, lines)(connection, call)

    return answer
