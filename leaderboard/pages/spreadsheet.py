"""Tables as CSV that a spreadsheet opens without doing what a cell says."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet(name: str, columns: Sequence[str], lines: Iterable[Sequence[str | float | int | None]]) -> HttpResponse:
    """A download. Missing numbers are empty cells."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in line] for line in lines)
    # What no encoding can hold (a lone surrogate in a name) is written as its number.
    return HttpResponse(
        text.getvalue().encode("utf-8", "backslashreplace"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def cell(value: str | float | int | None) -> str:
    """Texts that a spreadsheet would take for a formula get an apostrophe; numbers are written as numbers."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return "inf" if math.isinf(value) else f"{value:.6g}"
