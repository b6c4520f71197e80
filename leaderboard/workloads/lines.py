"""Bytes to lines: what an upload is encoded in, and what is no text at all. One line in memory at a time."""

import codecs
from collections.abc import Iterator
from typing import IO, NamedTuple

from leaderboard.workloads.records import LINE_BYTES, MOST_BYTES, Unreadable

ARCHIVES = {
    b"PK\x03\x04": "a zip archive (spreadsheets are such, too)",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a database",
}
"""How files begin that are no text. None is unpacked: a small one may hold more than all memory."""
MARK = codecs.BOM_UTF8
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
BLOCK = 2**16


class Line(NamedTuple):
    """`number` from 1; `text` with its line end, as it was; `end`: bytes read so far."""

    number: int
    text: str
    end: int


def lines(source: IO[bytes]) -> Iterator[Line]:
    """The lines of an upload, UTF-8 with or without a mark, or UTF-16 with one; raises Unreadable.

    Only a line feed ends a line: within JSON other separators are letters like any. A mark in the middle, as files that
    were put together have it, is dropped.
    """
    begin = source.read(BLOCK)
    if not begin.strip():
        raise Unreadable(0, "", "empty", "It is empty.")
    for magic, name in ARCHIVES.items():
        if begin.startswith(magic):
            raise Unreadable(0, "", "archive", f"It is {name}. Upload the text in it: JSON lines or CSV, in UTF-8.")
    if begin.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable(0, "", "encoding", "It is UTF-32. Save it as UTF-8.")
    number = end = 0
    for wide, encoding in UTF_16.items():
        if begin.startswith(wide):
            yield from utf_16(source, begin[2:], encoding)
            return
    for raw in raw_lines(source, begin):
        number, end = number + 1, end + len(raw)
        yield Line(number, decoded(raw, number), end)


def raw_lines(source: IO[bytes], begin: bytes) -> Iterator[bytes]:
    """Lines with their ends; raises Unreadable where one is too long, or all of them together."""
    rest, total, number = begin, len(begin), 1
    while True:
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if len(line) > LINE_BYTES:
                raise too_long(number)
            yield line + b"\n"
            number += 1
        if len(rest) > LINE_BYTES:
            raise too_long(number)
        block = source.read(BLOCK)
        if not block:
            break
        total += len(block)
        if total > MOST_BYTES:
            raise too_much(number)
        rest += block
    if rest:
        yield rest


def too_long(number: int) -> Unreadable:
    return Unreadable(number, "", "long_line", f"It has more than {LINE_BYTES:,} bytes. Is its line end missing?")


def too_much(number: int) -> Unreadable:
    message = f"The upload has more than {MOST_BYTES // 2**20} MB. Upload a sample of it: a few thousand items decide."
    return Unreadable(number, "", "too_large", message)


def decoded(raw: bytes, number: int) -> str:
    if raw.startswith(MARK):
        raw = raw[len(MARK) :]
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        column, byte = error.start + 1, raw[error.start]
        message = f"It is not UTF-8 (byte 0x{byte:02X} at its {column:,}. byte). Save the file as UTF-8."
        raise Unreadable(number, "", "encoding", message) from None
    if "\x00" in text:
        message = "It has a NUL character, which no prompt has. Is the file UTF-16, or no text? Save it as UTF-8."
        raise Unreadable(number, "", "nul", message)
    return text


def utf_16(source: IO[bytes], begin: bytes, encoding: str) -> Iterator[Line]:
    decoder = codecs.getincrementaldecoder(encoding)()
    number, total, rest, block = 1, len(begin), "", begin
    while True:
        try:
            rest += decoder.decode(block, final=not block)
        except UnicodeDecodeError:
            message = "The upload begins as UTF-16, and is not from here on. Save it as UTF-8."
            raise Unreadable(number, "", "encoding", message) from None
        *whole, rest = rest.split("\n")
        for text in whole:
            yield Line(number, f"{text}\n", total)
            number += 1
        if 2 * len(rest) > LINE_BYTES:
            raise too_long(number)
        if not block:
            break
        block = source.read(BLOCK)
        total += len(block)
        if total > MOST_BYTES:
            raise too_much(number)
    if rest:
        yield Line(number, rest, total)
