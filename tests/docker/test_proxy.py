"""The proxy that ends TLS: what Caddy itself says of its file, and what comes through it. Needs the program caddy."""

import json
import os
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from evaluator.client import Site
from tests.docker.dockerfiles import DOCKER
from tests.evaluator.test_client import CLAIM
from tests.stack import free_port

CADDY = shutil.which("caddy")
pytestmark = pytest.mark.skipif(CADDY is None, reason="caddy is not here (Debian's package caddy)")
FILE = DOCKER / "Caddyfile"


def caddy(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CADDY), *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("tls", ["internal", "ada@example.org"])
def test_it_is_valid_and_formatted(tls: str) -> None:
    told = {"PARITY_URL": "https://parity.example.org", "PARITY_TLS": tls}
    found = caddy("validate", "--config", str(FILE), "--adapter", "caddyfile", **told)
    assert found.returncode == 0, found.stderr
    assert caddy("fmt", str(FILE)).stdout == FILE.read_text()


class Upstream(BaseHTTPRequestHandler):
    """Says in JSON which headers came; nothing to do for a worker."""

    def do_GET(self) -> None:
        self.answer(200, json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(204, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The proxy before an upstream: its address and the certificate of its authority."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    port, home = free_port(), tmp_path / "data"
    text = FILE.read_text().replace("\tadmin off\n", f"\tadmin off\n\thttp_port {free_port()}\n\tskip_install_trust\n")
    (tmp_path / "Caddyfile").write_text(text.replace(":2020", f":{free_port()}"))
    variables = {
        "PARITY_URL": f"https://localhost:{port}", "PARITY_TLS": "internal", "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(tmp_path / "config"), "PARITY_UPSTREAM": f"127.0.0.1:{server.server_port}",
        "HOME": str(tmp_path),
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        command = [str(CADDY), "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log)
    root = home / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    try:
        deadline = time.monotonic() + 30
        while not answers(variables["PARITY_URL"], root):
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.1)
        yield variables["PARITY_URL"], root
    finally:
        process.terminate()
        process.wait(20)
        server.shutdown()
        thread.join()
        server.server_close()


def believing(root: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(root))


def answers(url: str, root: Path) -> bool:
    if not root.exists():
        return False
    try:
        return httpx.get(url, verify=believing(root), trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_the_site_hears_who_asked_and_how(proxied: tuple[str, Path]) -> None:
    url, root = proxied
    lies = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    heard = httpx.get(url, headers=lies, verify=believing(root), trust_env=False).json()
    assert (heard["x-forwarded-proto"], heard["host"]) == ("https", url.removeprefix("https://"))
    assert heard["x-forwarded-for"] in {"127.0.0.1", "::1"}, "what the caller says of itself is dropped"


def test_a_worker_works_through_it(proxied: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, root = proxied
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    site = Site.connect(url, "token")
    with site.http:
        assert site.claim(CLAIM) is None
