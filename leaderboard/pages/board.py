"""The ranking of a suite."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.requests import HtmxRequest, render_page_or_part
from leaderboard.queries import board as boards
from leaderboard.queries import suites
from leaderboard.queries.errors import BadQuery


@require_safe
@readable
def board(request: HtmxRequest) -> HttpResponse:
    """`/?suite=&sort=&search=&kind=&scores=&page=`; htmx gets the table alone."""
    page = request.GET.get("page", "1")
    if not (page.isascii() and page.isdigit() and len(page) < 10):
        raise BadQuery("page", f"A page is a whole number, not {page[:40]!r}.")
    found = boards.board(
        suite=request.GET.get("suite", ""),
        sort=request.GET.get("sort", ""),
        search=request.GET.get("search", ""),
        kind=request.GET.get("kind", ""),
        scores=request.GET.get("scores", ""),
        page=int(page),
    )
    context = {"board": found, "suites": suites.suites().prefetch_related(None)}  # only their names are shown
    return render_page_or_part(request, "board/page.html", "board/table.html", context)
