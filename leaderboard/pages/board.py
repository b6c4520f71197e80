"""The ranking of a suite."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.requests import HtmxRequest, page_number, render_page_or_part
from leaderboard.queries import board as boards
from leaderboard.queries import suites


@require_safe
@readable
def board(request: HtmxRequest) -> HttpResponse:
    """`/?suite=&sort=&search=&kind=&scores=&page=`; htmx gets the table alone."""
    found = boards.board(
        suite=request.GET.get("suite", ""),
        sort=request.GET.get("sort", ""),
        search=request.GET.get("search", ""),
        kind=request.GET.get("kind", ""),
        scores=request.GET.get("scores", ""),
        page=page_number(request),
    )
    context = {"board": found, "suites": suites.suites().prefetch_related(None)}  # only their names are shown
    return render_page_or_part(request, "board/page.html", "board/table.html", context)
