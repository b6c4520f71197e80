"""A board as a file: CSV for spreadsheets, JSON, and Parquet with types; every row that fits, as it is ordered."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from leaderboard import tabular
from leaderboard.pages.board import asked
from leaderboard.pages.conditional import conditional
from leaderboard.pages.errors import readable
from leaderboard.queries.export import batches
from leaderboard.queries.selection import selection


@require_safe
@conditional()
@readable
def download(request: HttpRequest, kind: str) -> HttpResponseBase:
    """`/board.csv?`, `.json?` or `.parquet?` and the board's own words."""
    chosen = selection(asked(request.GET))
    return tabular.streamed(kind, chosen.suite.slug.replace("@", "-"), batches(chosen))
