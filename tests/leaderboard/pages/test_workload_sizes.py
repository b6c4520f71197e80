"""Files of real size over HTTP: 200 MB, and a million lines. Refused in words, in little memory, and nothing stays."""

import io
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard.models import User, Workload, WorkloadDraft, WorkloadItems

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
MEGABYTE = 2**20
BOUNDARY = "0123456789abcdef"


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Body(io.RawIOBase):
    """A form with one file, made as it is read; `peak`: the most memory that the reader had meanwhile."""

    def __init__(self, name: str, size: int, content: Iterator[bytes], fields: dict[str, str]) -> None:
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        told = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
        before = "".join(f"--{BOUNDARY}\r\n{one}" for one in [*told, head]).encode()
        after = f"\r\n--{BOUNDARY}--\r\n".encode()
        self.length = len(before) + size + len(after)
        self._parts = chain([before], content, [after])
        self._held = memoryview(b"")
        self.read_bytes, self.peak = 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._held = memoryview(part)
        n = min(len(buffer), len(self._held))
        buffer[:n], self._held = self._held[:n], self._held[n:]
        self.read_bytes += n
        self.peak = max(self.peak, resident())
        return n


def megabytes(line: bytes, many: int) -> tuple[int, Iterator[bytes]]:
    """So many MB of one line again and again."""
    part = line * (MEGABYTE // len(line))
    return many * len(part), (part for _ in range(many))


def numbered(many: int) -> tuple[int, Iterator[bytes]]:
    """So many lines, each another prompt."""

    def parts() -> Iterator[bytes]:
        for start in range(0, many, 1_000):
            yield b"".join(b'{"prompt": "What is %07d plus one?"}\n' % n for n in range(start, start + 1_000))

    return many * len(b'{"prompt": "What is 0000000 plus one?"}\n'), parts()


@pytest.fixture
def ada(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def places(tmp_path: Path, settings: DjangoSettings) -> Path:
    """Where uploads go while they come."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return tmp_path


Send = Callable[[str, Body], Any]


@pytest.fixture
def send(ada: Client, api_token: str) -> Send:
    def send(path: str, body: Body) -> Any:
        return ada.request(**{
            "PATH_INFO": path, "REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(body.length),
            "wsgi.input": io.BufferedReader(body, MEGABYTE),
            "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}", "HTTP_AUTHORIZATION": f"Bearer {api_token}",
        })  # fmt: skip

    return send


@pytest.mark.parametrize("path", ["/workloads/new", "/api/v1/workloads/"])
def test_200_mb_are_refused_with_what_to_do_and_nothing_stays(send: Send, places: Path, path: str) -> None:
    size, content = megabytes(b'{"prompt": "Which team is this for? My card was charged twice."}\n', 200)
    body = Body("log.jsonl", size, content, {"name": "Big", "scoring": '{"kind": "exact"}'})
    before = resident()
    reply = send(path, body)
    assert reply.status_code in (400, 413), reply.content[:500]
    text = reply.content.decode()
    assert "more than 128 MB" in text and "Upload a sample of it" in text
    assert body.read_bytes == body.length, "read to its end, so that a browser hears the answer"
    assert body.peak - before < 64 * MEGABYTE
    assert list(places.iterdir()) == []
    assert not (WorkloadDraft.objects.exists() or WorkloadItems.objects.exists() or Workload.objects.exists())


def test_a_million_lines_are_refused_when_they_are_too_many(send: Send, places: Path) -> None:
    size, content = numbered(1_000_000)
    body = Body("log.jsonl", size, content, {"name": "Long", "scoring": '{"kind": "regex", "pattern": "x"}'})
    before = resident()
    reply = send("/workloads/new", body)
    grown = max(body.peak, resident()) - before
    assert reply.status_code == 400, reply.content[:500]
    text = reply.content.decode()
    assert "more than 200,000 items" in text and "200,001" in text
    assert grown < 300 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
    assert list(places.iterdir()) == []
    assert not (WorkloadDraft.objects.exists() or WorkloadItems.objects.exists() or Workload.objects.exists())


def test_one_line_of_100_mb_is_refused_before_it_is_in_memory(send: Send, places: Path) -> None:
    size, content = megabytes(b"a", 100)
    before = resident()
    body = Body("log.jsonl", size, content, {})
    reply = send("/workloads/new", body)
    assert reply.status_code == 400 and "Line 1" in reply.content.decode()
    assert max(body.peak, resident()) - before < 64 * MEGABYTE
    assert list(places.iterdir()) == []
