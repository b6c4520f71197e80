"""The client, over real sockets on loopback."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evaluator.addresses import AddressRefused, Allowed, client
from tests import receiver
from tests.receiver import Receiver

NAME = "hooks.example.org"
LOOPBACK = Allowed.parse("127.0.0.1/32")


class Resolver:
    """Gives each of its answers once, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for NAME, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Receiver]:
    """A receiver that speaks TLS as NAME."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiver.listening(tls=context) as listener:
        yield listener


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def plain() -> Iterator[Receiver]:
    with receiver.listening() as listener:
        yield listener


def test_the_checked_address_is_the_one_connected_to(secure: Receiver, tls: ssl.SSLContext) -> None:
    """The name server says something else the second time. Nobody asks it."""
    with receiver.listening("127.0.0.2", secure.port) as rebound:
        resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
        with client(LOOPBACK, lookup=resolver, tls=tls) as http:
            assert http.get(f"https://{NAME}:{secure.port}/path").status_code == 204
        assert (resolver.asked, len(secure.calls), len(rebound.calls)) == (1, 1, 0)
    assert secure.calls[0].line == "GET /path HTTP/1.1"
    assert secure.calls[0].headers["host"] == f"{NAME}:{secure.port}"


def test_a_second_connection_is_checked_again(secure: Receiver, tls: ssl.SSLContext) -> None:
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
    with client(LOOPBACK, lookup=resolver, tls=tls) as http:
        http.get(f"https://{NAME}:{secure.port}/")
        with pytest.raises(AddressRefused, match=r"10\.0\.0\.1 is private"):
            http.get(f"https://{NAME}:{secure.port}/", headers={"Connection": "close"})
    assert len(secure.calls) == 1


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["::1"], ["93.184.216.34", "127.0.0.1"], ["fe80::1%lo"]])
def test_a_name_that_is_not_public_is_never_connected_to(
    answers: list[str], plain: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda self, host, *_: connected.append(host))
    with client(lookup=Resolver(answers)) as http, pytest.raises(AddressRefused, match=f"{NAME} is refused: "):
        http.get(f"https://{NAME}:{plain.port}/")
    assert connected == []


def test_the_connection_goes_to_numbers_not_to_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []

    def connect(self: object, host: str, *_: object) -> httpcore.NetworkStream:
        connected.append(host)
        raise httpcore.ConnectError("nobody is there")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    many = [f"93.184.216.{number}" for number in range(30, 40)]
    with client(lookup=Resolver(many)) as http, pytest.raises(httpx.ConnectError):
        http.get(f"https://{NAME}/")
    assert connected == many[:4]


def test_the_certificate_has_to_be_the_names(secure: Receiver, tls: ssl.SSLContext) -> None:
    for name in ("other.example.org", "example.org"):
        with client(LOOPBACK, lookup=Resolver(["127.0.0.1"]), tls=tls) as http, pytest.raises(httpx.ConnectError):
            http.get(f"https://{name}:{secure.port}/")
    with client(LOOPBACK, lookup=Resolver(["127.0.0.1"])) as http, pytest.raises(httpx.ConnectError, match="CERTIF"):
        http.get(f"https://{NAME}:{secure.port}/")
    assert secure.calls == []


def test_redirections_are_not_followed_and_would_be_checked(plain: Receiver) -> None:
    allowed = Allowed.parse(f"127.0.0.1:{plain.port}")
    for place in ("http://169.254.169.254/latest/", f"http://127.0.0.1:{plain.port}/other"):
        plain.answers.append(receiver.status(302, f"Location: {place}"))
        with client(allowed) as http:
            assert http.get(plain.url).status_code == 302
    assert [call.line for call in plain.calls] == ["GET /hook?for=parity HTTP/1.1"] * 2
    plain.answers.append(receiver.status(302, "Location: https://169.254.169.254/latest/"))
    with client(allowed) as http, pytest.raises(AddressRefused, match="a cloud's metadata"):
        http.get(plain.url, follow_redirects=True)


def test_the_environments_proxy_is_not_asked(plain: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver.listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with client(Allowed.parse("127.0.0.1")) as http:
            assert http.get(plain.url).status_code == 204
        assert proxy.calls == []


def test_only_what_is_allowed_is_connected_to(plain: Receiver) -> None:
    with client(Allowed.parse(f"127.0.0.1:{plain.port + 1}")) as http, pytest.raises(AddressRefused):
        http.get(plain.url)
    assert plain.calls == []


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_a_receiver_that_drips_gets_no_second_more(plain: Receiver, start: bytes) -> None:
    plain.answers.append(receiver.drip(start))
    began = time.monotonic()
    with client(Allowed.parse("127.0.0.1"), seconds=0.5) as http, pytest.raises(httpx.ReadTimeout):
        http.get(plain.url)
    assert 0.4 < time.monotonic() - began < 2


def test_a_slow_name_server_gets_no_second_more() -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(2)
        return []

    began = time.monotonic()
    with client(seconds=0.3, lookup=slow) as http, pytest.raises(httpx.ConnectTimeout):
        http.get(f"https://{NAME}/")
    assert time.monotonic() - began < 1.5


def test_a_name_without_addresses_is_a_failed_connection() -> None:
    def none(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    for lookup in (none, Resolver([])):
        with client(lookup=lookup) as http, pytest.raises(httpx.ConnectError, match="has no address"):
            http.get(f"https://{NAME}/")
