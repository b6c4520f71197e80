"""Tables as CSV and Parquet, streamed: what is in memory is one batch, however long the table is."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

FORMULA = r"^[=+\-@\t\r]"


class CSV(BaseRenderer):
    """What callers may ask for by name; the reply is written as it is read."""

    media_type = "text/csv"
    format = "csv"
    charset = None

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> bytes:
        assert data is None, "tables are streamed; only a reply without a body comes here"
        return b""


class Parquet(CSV):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"


RENDERERS = [JSONRenderer, CSV, Parquet]


def responses(shape: Any) -> dict[Any, Any]:
    """What the schema says of a table: JSON of this shape, or a file."""
    return {
        (200, JSONRenderer.media_type): shape,
        (200, CSV.media_type): OpenApiTypes.STR,
        (200, Parquet.media_type): OpenApiTypes.BINARY,
    }


def wanted(request: Request) -> str:
    """The format that was asked for: "" for JSON."""
    found = str(getattr(request.accepted_renderer, "format", ""))
    return found if found in {CSV.format, Parquet.format} else ""


def streamed(kind: str, name: str, tables: Iterator[pa.Table]) -> StreamingHttpResponse:
    """The tables, one after the other, as one file of this kind; raises before it begins what the first one raises."""
    first = next(tables)
    writer, media_type = (parquet, Parquet.media_type) if kind == Parquet.format else (csv, "text/csv; charset=utf-8")
    return StreamingHttpResponse(
        writer(first.schema, chained(first, tables)),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'},
    )


def chained(first: pa.Table, rest: Iterable[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


class Sink:
    """A file that is emptied while it is written."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """What was written since the last time."""
        found, self._parts = b"".join(self._parts), []
        return found


def parquet(schema: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[bytes]:
    """One row group a table."""
    sink = Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            yield sink.taken()
    yield sink.taken()


def csv(schema: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[bytes]:
    """Texts that a spreadsheet would take for a formula get an apostrophe; what is missing is an empty cell."""
    sink = Sink()
    with pa_csv.CSVWriter(sink, schema, write_options=pa_csv.WriteOptions(quoting_style="needed")) as writer:
        for table in tables:
            writer.write_table(defused(table))
            yield sink.taken()
    yield sink.taken()


def defused(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table[field.name]
            risky = pc.fill_null(pc.match_substring_regex(column, FORMULA), False)
            if pc.any(risky).as_py():
                table = table.set_column(
                    place, field, pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
                )
    return table
