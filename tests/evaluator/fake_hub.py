"""A small Hub on loopback, for the real huggingface_hub client. The Hub itself lies outside this machine.

It answers what `evaluator.hub` asks for, with the statuses and headers that huggingface_hub 2.4 tells apart: model
descriptions, and files with ranges. It keeps what it was asked, and fails or hangs where it is told to.
"""

import hashlib
import json
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

SHA = "5a" * 20
OLD_SHA = "01" * 20
WIDTHS = {"F32": 4, "BF16": 2, "F16": 2, "I32": 4, "U8": 1, "F8_E4M3": 1}


def safetensors(tensors: Mapping[str, tuple[str, Sequence[int]]], padding: int = 0) -> bytes:
    """A safetensors file of zeros: name -> (dtype, shape). `padding` makes the header that much longer."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "padding": "x" * padding}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        count = 1
        for side in shape:
            count *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + count * WIDTHS[dtype]]}
        end += count * WIDTHS[dtype]
    packed = json.dumps(header).encode()
    return struct.pack("<Q", len(packed)) + packed + bytes(end)


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def tiny_model() -> dict[str, bytes]:
    """A dense model in one file: 2 x 3 + 4 parameters."""
    return {
        "config.json": dumped(
            {
                "architectures": ["LlamaForCausalLM"],
                "model_type": "llama",
                "max_position_embeddings": 2048,
                "torch_dtype": "bfloat16",
            }
        ),
        "model.safetensors": safetensors({"embed.weight": ("BF16", (2, 3)), "norm.weight": ("BF16", (4,))}),
        "tokenizer_config.json": dumped({"chat_template": "{{ messages }}"}),
        "tokenizer.json": dumped({}),
    }


@dataclass
class Repo:
    """A repository; `readers` are the tokens that may read a gated or private one."""

    files: dict[str, bytes] = field(default_factory=tiny_model)
    revisions: dict[str, str] = field(default_factory=lambda: {"main": SHA, "v1/old": OLD_SHA})
    gated: bool = False
    private: bool = False
    readers: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)


class Seen(NamedTuple):
    method: str
    path: str
    range: str
    token: str


class FakeHub:
    """Serves `repos` at `url` inside a `with` block. `failures`: an answer for paths that end so, by ending."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.moved: dict[str, str] = {}
        self.failures: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.hangs_on: str | None = None
        self.trickles_on: str | None = None  # a byte at a time
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = False  # so that closing waits for them, and no socket outlives a test
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, ending: str, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.failures[ending] = (status, dict(headers or {}), body)


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet: two would wait 40 ms for each other

    def log_message(self, format: str, *args: object) -> None:
        """The tests look at `FakeHub.seen`."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.hub.seen.append(Seen(self.command, path, self.headers.get("range", ""), token))
        if self.hub.hangs_on is not None and path.endswith(self.hub.hangs_on):
            self.hub.closing.wait(20)
            self.close_connection = True
            return
        failure = next((what for end, what in self.hub.failures.items() if path.endswith(end)), None)
        if failure is not None:
            self.answer(*failure)
        elif path.startswith("/api/models/"):
            name, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            self.describe(name, revision or "main", token)
        else:
            name, _, rest = path[1:].partition("/resolve/")
            revision, _, file = rest.partition("/")
            self.serve(name, revision, file, token)

    def describe(self, name: str, revision: str, token: str) -> None:
        if name in self.hub.moved:
            return self.answer(307, {"Location": f"/api/models/{self.hub.moved[name]}/revision/{revision}"})
        repo = self.found(name, token)
        if repo is None:
            return None
        commit = next((sha for ref, sha in repo.revisions.items() if revision in (ref, sha)), None)
        if commit is None:
            return self.answer(404, {"X-Error-Code": "RevisionNotFound"})
        siblings = [{"rfilename": file, "size": len(data), "blobId": "b"} for file, data in repo.files.items()]
        about = {"id": name, "sha": commit, "siblings": siblings, "gated": "manual" if repo.gated else False}
        return self.answer(200, {"Content-Type": "application/json"}, dumped(about | repo.about))

    def serve(self, name: str, revision: str, file: str, token: str) -> None:
        repo = self.found(name, token)
        if repo is None:
            return None
        if repo.gated and token not in repo.readers:
            return self.answer(403 if token else 401, {"X-Error-Code": "GatedRepo"})
        if file not in repo.files:
            return self.answer(404, {"X-Error-Code": "EntryNotFound"})
        data = repo.files[file]
        headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": revision}
        if self.headers.get("range"):
            first, _, last = self.headers["range"].removeprefix("bytes=").partition("-")
            return self.answer(206, headers, data[int(first) : int(last) + 1])
        return self.answer(200, headers, data)

    def found(self, name: str, token: str) -> Repo | None:
        """The repository, or None after the Hub's answer: strangers without a token get 401 for what is not there."""
        repo = self.hub.repos.get(name)
        if repo is not None and not (repo.private and token not in repo.readers):
            return repo
        if token:
            self.answer(404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        else:
            self.answer(401, {"X-Error-Message": "Invalid username or password."})
        return None

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.trickles_on is None or not self.path.endswith(self.hub.trickles_on):
            self.wfile.write(body)
            return
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.hub.closing.wait(0.05):
                    break
        except OSError:
            pass  # whoever asked is gone
        self.close_connection = True
