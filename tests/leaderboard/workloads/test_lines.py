import codecs
import gzip
import io
import zipfile

import pytest

from leaderboard.workloads import lines as module
from leaderboard.workloads.lines import lines
from leaderboard.workloads.records import LINE_BYTES, Unreadable
from tests.leaderboard.workloads.read import problem, read

GOOD = '{"prompt": "Grüße 你好"}\n'


def texts(body: bytes) -> list[str]:
    return [line.text for line in lines(io.BytesIO(body))]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_are_counted_from_one_and_end_at_a_line_feed(ends: str) -> None:
    body = ends.join(["a", "", "b\u2028c", "d"]).encode()
    found = list(lines(io.BytesIO(body)))
    assert [line.number for line in found] == [1, 2, 3, 4]
    assert [line.text.strip() for line in found] == ["a", "", "b\u2028c", "d"]
    assert found[-1].end == len(body)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_text(encoding: str) -> None:
    items, report = read(GOOD.encode(encoding))
    assert report.good
    assert items[0].prompt == "Grüße 你好"


def test_a_mark_in_the_middle_is_left_by_files_that_were_put_together() -> None:
    items, report = read(GOOD.encode("utf-8-sig") + GOOD.replace("Gr", "gr", 1).encode("utf-8-sig"))
    assert (report.good, len(items)) == (True, 2)


def test_mixed_encodings_are_told_with_the_line_and_the_byte() -> None:
    body = GOOD.encode() * 3 + '{"prompt": "Grüße"}\n'.encode("latin-1")
    line, _, code, message = problem(body)
    assert (line, code) == (4, "encoding")
    assert "0xFC at its 15. byte" in message and "UTF-8" in message


def test_utf_16_that_stops_being_it_is_told() -> None:
    body = GOOD.encode("utf-16") + b"\xd8\x00\xd8\x00\n"
    assert problem(body)[2] == "encoding"


@pytest.mark.parametrize(("body", "code"), [(b"", "empty"), (b" \n \n", "empty"), (b'{"a": "\x00"}\n', "nul")])
def test_what_is_no_text_is_told(body: bytes, code: str) -> None:
    assert problem(body)[2] == code


def zipped(name: str = "prompts.jsonl", size: int = 100) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (zipped(), "zip archive"),
        (zipped(size=50_000_000), "zip archive"),  # a bomb: 50 kB of it make 50 MB
        (gzip.compress(b"0" * 50_000_000), "gzip"),
        (b"%PDF-1.7\n...", "PDF"),
        (b"PAR1....", "Parquet"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
    ],
)
def test_archives_are_not_opened(body: bytes, word: str) -> None:
    line, _, code, message = problem(body)
    assert (line, code) == (0, "archive")
    assert word in message


def test_a_line_without_an_end_stops_early() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.taken += size
            return b"a" * size

    source = Endless()
    with pytest.raises(Unreadable) as refused:
        list(lines(source))  # type: ignore[arg-type]
    assert refused.value.problem.code == "long_line"
    assert source.taken < 2 * LINE_BYTES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_more_than_an_upload_may_have_is_told_where_it_is_too_much(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 200_000)
    rows = "".join(f'{{"prompt": "number {n}", "id": "{n}"}}\n' for n in range(20_000))
    line, _, code, message = problem(rows.encode(encoding))
    assert code == "too_large" and line > 1_000
    assert "Upload a sample" in message


def test_utf_32_is_named() -> None:
    assert problem(codecs.BOM_UTF32_LE + "a".encode("utf-32-le"))[2] == "encoding"
