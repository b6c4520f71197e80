"""A receiver of messages on loopback, which answers as a test tells it to, and badly when told so."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Call:
    """One request as it came: head lines by lower-case name, and the body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` are used up one a call; then every call gets 204."""

    port: int
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?for=parity"

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            call = read_call(connection)
            answer = self.answers.pop(0) if self.answers else status(204)
            self.calls.append(call)
            answer(connection)


def read_call(connection: socket.socket) -> Call:
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().strip()
        headers = {}
        while (text := stream.readline().decode().strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return Call(line, headers, stream.read(int(headers.get("content-length", 0))))


def status(code: int, *headers: str) -> Answer:
    head = "\r\n".join([f"HTTP/1.1 {code} Said", "Content-Length: 0", *headers])
    return lambda connection: connection.sendall(f"{head}\r\n\r\n".encode())


def huge(size: int) -> Answer:
    """200 with a body of `size` bytes."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 65_536):
            connection.sendall(b"x" * 65_536)

    return answer


def drip(start: bytes, *, seconds: float = 60.0, every: float = 0.05) -> Answer:
    """`start`, then a byte now and then: no single read of it is slow."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(int(seconds / every)):
            connection.sendall(b"x")
            time.sleep(every)

    return answer


@contextmanager
def listening(host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that answers each connection in a thread of its own."""
    with socket.create_server((host, port)) as server:
        receiver = Receiver(server.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    connection.settimeout(5)
                    if tls:
                        connection = tls.wrap_socket(connection, server_side=True)
                except ssl.SSLError:
                    continue
                except OSError:
                    return
                threading.Thread(target=receiver.serve, args=[connection], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield receiver
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
