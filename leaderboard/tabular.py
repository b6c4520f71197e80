"""Tables as CSV, JSON and Parquet files, streamed: what is in memory is one batch, however long the table is."""

import json
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from django.http import StreamingHttpResponse

FORMULA = r"^[=+\-@\t\r]"


def streamed(kind: str, name: str, tables: Iterator[pa.Table]) -> StreamingHttpResponse:
    """The tables, one after the other, as one file of this kind; raises before it begins what the first one raises."""
    first = next(tables)
    writer, media_type = WRITERS[kind]
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


def rows(_: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[bytes]:
    """One JSON list, an object a line."""
    before = "[\n"
    for table in tables:
        for row in table.to_pylist():
            yield f"{before}{json.dumps(row, default=str)}".encode()
            before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


WRITERS = {
    "csv": (csv, "text/csv; charset=utf-8"),
    "json": (rows, "application/json"),
    "parquet": (parquet, "application/vnd.apache.parquet"),
}
