"""Tables from CSV and Parquet files, cell by cell of the type that is asked for. Nothing is guessed."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from leaderboard.imports.evaluations import SourceError

Cell = Callable[[Any], Any]
"""From a cell as the file holds it (in a CSV always a text) to a value, or None for an empty one; raises WrongCell."""


class WrongCell(Exception):
    """A cell of another type; says which one it should be, such as "a number"."""


NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
FLAGS = {"true": True, "false": False}
SHOWN = 60
"""Characters of a cell that an error quotes."""


def text(value: Any) -> str:
    """A text; an empty cell is ""."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongCell("a text")
    return value.strip()


def number(value: Any) -> float | None:
    """A finite number. NaN and the infinities, as tables write what they do not know, are None."""
    if isinstance(value, str):
        value = value.strip()
        if value and not NUMBER.fullmatch(value):
            raise WrongCell("a number")
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise WrongCell("a number")
    found = float(value)
    return found if math.isfinite(found) else None


def flag(value: Any) -> bool | None:
    """True or False."""
    if isinstance(value, str):
        value = value.strip()
        if value and value.lower() not in FLAGS:
            raise WrongCell("True or False")
        return FLAGS.get(value.lower())
    if value is not None and not isinstance(value, bool):
        raise WrongCell("True or False")
    return value


def day(value: Any) -> date | None:
    """A date; of a moment, its day."""
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise WrongCell("a date such as 2025-02-08")
    value = value.strip()
    if not value:
        return None
    try:
        return datetime.fromisoformat(value).date()
    except ValueError:
        raise WrongCell("a date such as 2025-02-08") from None


def read(path: Path, columns: Mapping[str, Cell]) -> Iterator[dict[str, Any]]:
    """The rows of the table in `path` (CSV, or Parquet by its name), each with exactly `columns`.

    Raises SourceError for a file that cannot be read, a column that is missing, or a cell of another type.
    """
    rows = from_parquet(path, columns) if path.suffix == ".parquet" else from_csv(path, columns)
    for place, cells in rows:
        row: dict[str, Any] = {}
        for column, cell in zip(columns, cells, strict=True):
            try:
                row[column] = columns[column](cell)
            except WrongCell as error:
                shown = ascii(cell)[:SHOWN]
                raise SourceError(f"{path.name}, {place}, column {column!r}: {shown} is not {error}.") from None
        yield row


def from_csv(path: Path, columns: Mapping[str, Cell]) -> Iterator[tuple[str, list[Any]]]:
    """The cells of `columns` by row, with the place of the row for people. UTF-8, with or without a byte order mark."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path.name} is not UTF-8 (byte {error.start:,}). Save it as UTF-8.") from error
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = next(reader, [])
        positions = [positions_of(path, header, column) for column in columns]
        for cells in reader:
            if len(cells) != len(header):
                raise SourceError(
                    f"{path.name}, line {reader.line_num}: {len(cells)} cells where the header has {len(header)}."
                )
            yield f"line {reader.line_num}", [cells[position] for position in positions]
    except csv.Error as error:
        raise SourceError(f"{path.name}, line {reader.line_num}: not a CSV table: {error}.") from error


def positions_of(path: Path, header: list[str], column: str) -> int:
    """Where `column` is; raises SourceError unless it is there once."""
    if header.count(column) != 1:
        problem = "is missing" if column not in header else "is there more than once"
        raise SourceError(
            f"{path.name}: the column {column!r} {problem}. Columns: {', '.join(header)[:1000] or 'none'}."
        )
    return header.index(column)


def from_parquet(path: Path, columns: Mapping[str, Cell]) -> Iterator[tuple[str, list[Any]]]:
    """As `from_csv`."""
    try:
        with parquet.ParquetFile(path) as file:
            for column in columns:
                positions_of(path, file.schema_arrow.names, column)
            row = 0
            for batch in file.iter_batches(columns=list(columns)):
                for cells in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                    row += 1
                    yield f"row {row}", list(cells)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}.") from error
    except pa.ArrowException as error:
        raise SourceError(f"{path.name} is not a Parquet table: {str(error)[:300]}") from error
