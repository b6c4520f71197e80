"""Tables as CSV that a spreadsheet opens without doing what a cell says."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet(name: str, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> HttpResponse:
    """A download; `name` is in ASCII and without its ending. What is missing is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in line] for line in lines)
    # What no encoding can hold (a lone surrogate in a name) is written as its number.
    return HttpResponse(
        text.getvalue().encode("utf-8", "backslashreplace"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def cell(value: object) -> str:
    """Texts that a spreadsheet would take for a formula get an apostrophe; numbers are written as numbers, with ten
    digits that count."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return f"{value:.10g}" if isinstance(value, float) else str(value)
