"""Where the gateway connects: to checked addresses, whatever a URL, a name server or a redirection says."""

import socket
import ssl
import time
import typing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from evaluator.addresses import NOBODY, AddressRefused, check_url
from evaluator.contract import EndpointSpec, Protocol
from evaluator.gateway import Gateway
from evaluator.gateway.connect import Checked
from tests import hostile_endpoint as hostile
from tests.evaluator.addresses.test_client import Resolver, certificate, tls
from tests.evaluator.addresses.test_urls import REFUSED
from tests.evaluator.gateway.asked import HASTY, body_of, post, spec_of, text_of

__all__ = ["certificate", "tls"]  # fixtures
NAME = "hooks.example.org"


def never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that sockets were made for."""
    made: list[str] = []
    opened = Checked.opened

    def note(self: Checked, information: tuple[object, object, object, object, tuple[str, int]]) -> socket.socket:
        made.append(information[4][0])
        return opened(self, information)

    monkeypatch.setattr(Checked, "opened", note)
    return made


@pytest.mark.parametrize("url", REFUSED)
def test_hostile_addresses_are_never_reached(url: str, connected: list[str]) -> None:
    with hostile.serving() as endpoint:
        spec = msgspec.structs.replace(spec_of(endpoint), base_url=url, allowed=())
        with Gateway(spec, journal=None, lookup=never, limits=HASTY) as gateway:
            ended = gateway.ended()
            assert ended is not None
            assert (ended.kind, ended.code) == ("model", REFUSED[url])
            assert post(gateway).status_code == 403
            for path in ("chat", "models"):
                assert gateway.ask(body_of(), path).error == REFUSED[url]
            assert gateway.spent().errors.keys() <= {"address"}
    assert connected == []


def test_addresses_that_cannot_be_read_end_it_in_every_protocol() -> None:
    protocols: tuple[Protocol, ...] = typing.get_args(Protocol)
    for protocol in protocols:
        for url in ("https://[::1/", "https://[127.0.0.1]/", "https://exa\u200bmple.org/", "https://x:99999/"):
            spec = EndpointSpec(base_url=url, protocol=protocol, model="m", api_key="sk-0123456789")
            with Gateway(spec, journal=None, lookup=never, limits=HASTY) as gateway:
                ended = gateway.ended()
                assert ended is not None
                assert ended.kind == "model"


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["::1"], ["10.0.0.1"], ["169.254.169.254"], ["fd00:ec2::254"], ["::ffff:127.0.0.1"],
     ["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["93.184.216.34", "127.0.0.1"], ["fe80::1%lo"], ["0.0.0.0"]],
)  # fmt: skip
def test_a_name_that_is_not_public_is_never_connected_to(answers: list[str], connected: list[str]) -> None:
    with hostile.serving() as endpoint:
        spec = msgspec.structs.replace(spec_of(endpoint), base_url=f"https://{NAME}:{endpoint.port}/v1", allowed=())
        with Gateway(spec, journal=None, lookup=Resolver(answers), limits=HASTY) as gateway:
            assert post(gateway).status_code == 403
            ended = gateway.ended()
            assert ended is not None
            assert (ended.kind, ended.code) == ("model", "private_address")
    assert connected == []


def test_metadata_is_refused_whatever_is_allowed(connected: list[str]) -> None:
    with hostile.serving() as endpoint:
        allowed = ("169.254.169.254", "169.254.0.0/16", "metadata.google.internal")
        for url in ("http://169.254.169.254/v1", "http://metadata.google.internal/v1"):
            spec = msgspec.structs.replace(spec_of(endpoint), base_url=url, allowed=allowed)
            with Gateway(spec, journal=None, lookup=never, limits=HASTY) as gateway:
                assert post(gateway).status_code == 403
    assert connected == []


@pytest.fixture
def secure(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_the_checked_address_is_the_one_connected_to(
    secure: ssl.SSLContext,
    tls: ssl.SSLContext,
    connected: list[str],
) -> None:
    """The name server says something else the second time: each connection is checked, and the kept one stays."""
    with hostile.serving(tls=secure) as endpoint, hostile.serving(None, "127.0.0.2", endpoint.port, secure) as rebound:
        resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
        spec = msgspec.structs.replace(
            spec_of(endpoint), base_url=f"https://{NAME}:{endpoint.port}/v1", allowed=("127.0.0.1/32",)
        )
        endpoint.answers.extend([hostile.chat("one"), hostile.chat("two"), hostile.raw(b"")])
        with Gateway(spec, journal=None, lookup=resolver, tls=tls, limits=HASTY) as gateway:
            assert [text_of(post(gateway)) for _ in range(2)] == ["one", "two"]
            assert resolver.asked == 1
            assert post(gateway).status_code == 403  # the connection broke; the next look-up is refused
            ended = gateway.ended()
            assert ended is not None
            assert "127.0.0.2 is loopback" in ended.message
        assert (len(endpoint.calls), len(rebound.calls)) == (3, 0)
        assert endpoint.calls[0].headers["host"] == f"{NAME}:{endpoint.port}"
    assert connected == ["127.0.0.1"]


def test_a_wrong_certificate_ends_it(secure: ssl.SSLContext) -> None:
    with hostile.serving(tls=secure) as endpoint:
        spec = msgspec.structs.replace(
            spec_of(endpoint), base_url=f"https://{NAME}:{endpoint.port}/v1", allowed=("127.0.0.1/32",)
        )
        with Gateway(spec, journal=None, lookup=Resolver(["127.0.0.1"]), limits=HASTY) as gateway:
            assert post(gateway).status_code == 403
            ended = gateway.ended()
            assert ended is not None
            assert (ended.kind, ended.code) == ("model", "tls_refused")
    assert endpoint.calls == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
@pytest.mark.parametrize("place", ["http://169.254.169.254/latest/", "http://127.0.0.1:{port}/other", "//x", ""])
def test_redirections_are_not_followed(status: int, place: str, connected: list[str]) -> None:
    with hostile.serving() as endpoint:
        location = {"Location": place.format(port=endpoint.port)} if place else {}
        endpoint.default = hostile.said(status, b"", location)
        with Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
            assert post(gateway).status_code == 403
            ended = gateway.ended()
            assert ended is not None
            assert ended.code == "redirected"
        assert [call.line for call in endpoint.calls] == ["POST /v1/chat/completions HTTP/1.1"]
    assert set(connected) == {"127.0.0.1"}


def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile.serving() as endpoint, hostile.serving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
            assert text_of(post(gateway)) == "Hello."
        assert proxy.calls == []


def test_only_what_is_allowed_is_reached() -> None:
    with hostile.serving() as endpoint:
        for allowed in ((), (f"127.0.0.1:{endpoint.port + 1}",), ("10.0.0.0/8",)):
            with Gateway(spec_of(endpoint, allowed=allowed), journal=None, limits=HASTY) as gateway:
                assert post(gateway).status_code == 403
    assert endpoint.calls == []


def test_a_name_server_that_is_slow_or_empty(connected: list[str]) -> None:
    with hostile.serving() as endpoint:
        for lookup in (Resolver([], [], []), slow):
            spec = msgspec.structs.replace(spec_of(endpoint), base_url=f"https://{NAME}/v1", allowed=())
            limits = replace(HASTY, connect_seconds=0.2, tries=2)
            with Gateway(spec, journal=None, lookup=lookup, limits=limits) as gateway:
                assert post(gateway).status_code == 503
                assert gateway.spent().errors == {"connection": 2}
    assert connected == []


def slow(host: str, port: int) -> list[str]:
    time.sleep(1)
    return []


def test_a_socket_is_only_made_for_what_was_checked() -> None:
    target = check_url("https://93.184.216.34/v1")
    checked = Checked(target, NOBODY, never, 1.0)
    checked.opened((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.34", 443))).close()
    with pytest.raises(AddressRefused, match="was not checked"):
        checked.opened((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.35", 443)))
