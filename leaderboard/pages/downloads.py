"""A board as a file: CSV for spreadsheets, JSON, and Parquet with types; every row that fits, as it is ordered.

Written in pieces as they are read, so that a hundred thousand rows take no more memory than a few.
"""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from datetime import date
from typing import IO

import pyarrow.parquet as parquet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from leaderboard.pages.board import asked
from leaderboard.pages.conditional import conditional
from leaderboard.pages.errors import readable
from leaderboard.pages.spreadsheet import cell
from leaderboard.queries.export import batches, schema
from leaderboard.queries.selection import Selection, selection

PARQUET = "application/vnd.apache.parquet"


@require_safe
@conditional()
@readable
def as_csv(request: HttpRequest) -> HttpResponseBase:
    """`/board.csv?` and the board's own words."""
    return streamed(selection(asked(request.GET)), "csv")


@require_safe
@conditional()
@readable
def as_json(request: HttpRequest) -> HttpResponseBase:
    """`/board.json?` and the board's own words: a list of objects."""
    return streamed(selection(asked(request.GET)), "json")


@require_safe
@conditional()
@readable
def as_parquet(request: HttpRequest) -> HttpResponseBase:
    """`/board.parquet?` and the board's own words."""
    return parquet_reply(selection(asked(request.GET)))


def streamed(chosen: Selection, kind: str) -> StreamingHttpResponse:
    """The rows as text."""
    lines, content = (csv_lines, "text/csv; charset=utf-8") if kind == "csv" else (json_lines, "application/json")
    return StreamingHttpResponse(lines(chosen), content_type=content, headers=named(chosen, kind))


def parquet_reply(chosen: Selection) -> StreamingHttpResponse:
    """Parquet has its table of contents at the end."""
    return StreamingHttpResponse(parquet_pieces(chosen), content_type=PARQUET, headers=named(chosen, "parquet"))


def parquet_pieces(chosen: Selection) -> Iterator[bytes]:
    """Each part goes to a file, and from there out, so that only one is in memory."""
    with tempfile.TemporaryFile() as file:
        sent = 0
        with parquet.ParquetWriter(file, schema(chosen), compression="zstd") as writer:
            for batch in batches(chosen):
                writer.write_batch(batch)
                yield (piece := read_from(file, sent))
                sent += len(piece)
        yield read_from(file, sent)


def read_from(file: IO[bytes], place: int) -> bytes:
    """What stands in a file from a place on; it goes on at its end."""
    file.seek(place)
    return file.read()


def named(chosen: Selection, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{chosen.suite.slug.replace("@", "-")}.{kind}"'}


def csv_lines(chosen: Selection) -> Iterator[bytes]:
    """A heading and a line for each row; formulas are defused, missing numbers are empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(schema(chosen).names)
    yield text.getvalue().encode()
    for batch in batches(chosen):
        text = io.StringIO()
        writer = csv.writer(text)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            writer.writerow([plain(value) for value in row])
        yield text.getvalue().encode("utf-8", "backslashreplace")


def plain(value: str | float | int | bool | date | None) -> str:
    """A value in a spreadsheet's cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)  # what is shown can be recomputed from it
    return cell(value)


def json_lines(chosen: Selection) -> Iterator[bytes]:
    """One list, an object a line."""
    before = "["
    for batch in batches(chosen):
        for row in batch.to_pylist():
            yield f"{before}\n{json.dumps(row, default=str)}".encode()
            before = ","
    yield b"[]\n" if before == "[" else b"\n]\n"
