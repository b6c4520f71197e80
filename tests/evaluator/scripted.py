"""A server on loopback that speaks like a model's API and says what a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
MODEL = "toy-1"


@dataclass(frozen=True)
class Reply:
    """`body` is sent as JSON, bytes as they are."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request: its path below the base URL, its JSON and its headers by lower-case name."""

    path: str
    body: Body
    headers: dict[str, str]


Script = Callable[[Call], Reply]


@dataclass
class Server:
    """`most`: so many requests were being answered at once."""

    port: int
    script: Script
    calls: list[Call] = field(default_factory=list)
    most: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def said(call: Call, text: str, *, tokens_in: int = 10, tokens_out: int = 5, finish: str = "stop") -> Reply:
    """`text` as an answer in the protocol that was asked in."""
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
    if call.path == "messages":
        stop = {"stop": "end_turn", "length": "max_tokens"}[finish]
        return Reply(
            {
                "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": stop,
                "content": [{"type": "text", "text": text}],
                "usage": {"input_tokens": tokens_in, "output_tokens": tokens_out},
            }
        )  # fmt: skip
    choice: Body = {"index": 0, "finish_reason": finish}
    choice |= {"text": text} if call.path == "completions" else {"message": {"role": "assistant", "content": text}}
    return Reply({"id": "cmpl-1", "object": "text", "model": MODEL, "choices": [choice], "usage": usage})


def refused(status: int, message: str, code: str = "", **headers: str) -> Reply:
    """An error as most APIs word it."""
    return Reply({"error": {"message": message, "type": "invalid_request_error", "code": code}}, status, headers)


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """A server whose every request is answered by `script`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body: Body) -> None:
            names = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.path.removeprefix("/v1/"), body, names)
            with server.lock:
                server.calls.append(call)
                server.now += 1
                server.most = max(server.most, server.now)
            try:
                reply = server.script(call)
                sent = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the caller did not wait
            finally:
                with server.lock:
                    server.now -= 1

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server = Server(listener.server_address[1], script)
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join(5)
