"""Replies are packed for who can unpack them, once where they are kept."""

import gzip
from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory

from leaderboard import packing
from leaderboard.models import Suite
from leaderboard.packing import Packing, packed
from leaderboard.pages import conditional
from tests.leaderboard.pages import made

LONG = b"<p>again and again</p>\n" * 200


def through(response: HttpResponseBase, encodings: str = "br, gzip") -> HttpResponseBase:
    request = RequestFactory().get("/", headers={"Accept-Encoding": encodings})
    return Packing(lambda _: response)(request)  # type: ignore[return-value]


def test_what_is_packed_is_the_same_and_its_validator_weak() -> None:
    reply = through(HttpResponse(LONG, headers={"ETag": '"a"'}))
    assert isinstance(reply, HttpResponse)
    assert gzip.decompress(reply.content) == LONG and int(reply["Content-Length"]) == len(reply.content)
    assert (reply["Content-Encoding"], reply["ETag"], reply["Vary"]) == ("gzip", 'W/"a"', "Accept-Encoding")


def test_lengths_tell_little() -> None:
    assert len({len(packed(LONG)) for _ in range(50)}) > 10


@pytest.mark.parametrize(
    "make",
    [
        lambda: HttpResponse(b"short"),
        lambda: HttpResponse(LONG, content_type="application/gzip"),
        lambda: StreamingHttpResponse(iter([LONG]), content_type="application/vnd.apache.parquet"),
        lambda: HttpResponse(LONG, headers={"Content-Encoding": "br"}),
        lambda: HttpResponse(bytes(range(256)), headers={"ETag": '"a"'}),
    ],
)
def test_what_would_win_nothing_stays(make: Callable[[], HttpResponseBase]) -> None:
    before, reply = make(), through(make())
    content = b"".join(before if isinstance(before, HttpResponse) else iter([LONG]))
    assert b"".join(reply) == content  # type: ignore[call-overload]
    assert reply.headers.get("Content-Encoding") == before.headers.get("Content-Encoding")
    assert reply.headers.get("ETag") == before.headers.get("ETag")


def test_who_cannot_unpack_gets_it_plain() -> None:
    reply = through(HttpResponse(LONG), "br")
    assert isinstance(reply, HttpResponse)
    assert (reply.content, reply["Vary"]) == (LONG, "Accept-Encoding") and "Content-Encoding" not in reply


def test_streams_are_packed_as_they_come() -> None:
    def parts() -> Iterator[bytes]:
        yield from (LONG, b"end")

    reply = through(StreamingHttpResponse(parts(), content_type="text/csv"))
    assert reply["Content-Encoding"] == "gzip"
    assert gzip.decompress(b"".join(reply)) == LONG + b"end"  # type: ignore[call-overload]


@pytest.mark.django_db
def test_a_kept_page_is_packed_once(
    client: Client, make_submission: made.Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.ranked(make_submission, suite)
    times: list[int] = []

    def counted(content: bytes, level: int = 1) -> bytes:
        times.append(len(content))
        return packed(content, level)

    monkeypatch.setattr(packing, "packed", counted)
    monkeypatch.setattr(conditional, "packed", counted)
    plain = client.get("/")
    replies = [client.get("/", headers={"Accept-Encoding": "gzip"}) for _ in range(4)]
    assert len(times) == 1
    for reply in replies:
        assert gzip.decompress(reply.content) == plain.content
        assert (reply["ETag"], reply["Content-Encoding"]) == (f"W/{plain['ETag']}", "gzip")
        assert set(reply["Vary"].split(", ")) == set(plain["Vary"].split(", ")) >= {"Accept-Encoding", "Cookie"}
        again = client.get("/", headers={"Accept-Encoding": "gzip", "If-None-Match": reply["ETag"]})
        assert again.status_code == 304
    assert client.get("/").content == plain.content
