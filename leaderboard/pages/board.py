"""The ranking of a suite."""

from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from leaderboard.columnar.facts import FACETS
from leaderboard.pages.conditional import conditional
from leaderboard.pages.errors import readable
from leaderboard.pages.requests import HtmxRequest, page_number, render_page_or_part
from leaderboard.queries import board as boards
from leaderboard.queries import suites


def chosen(query: QueryDict) -> dict[str, list[str]]:
    """The facets that a query string names, with the values that it gives."""
    return {facet.name: query.getlist(facet.name) for facet in FACETS if facet.name in query}


@require_safe
@conditional("HX-Request", "HX-Boosted", "HX-History-Restore-Request")
@readable
def board(request: HtmxRequest) -> HttpResponse:
    """`/?suite=&sort=&search=&scores=&page=`, and any facet as often as it has chosen values; htmx gets the table
    alone."""
    found = boards.board(
        suite=request.GET.get("suite", ""),
        sort=request.GET.get("sort", ""),
        search=request.GET.get("search", ""),
        chosen=chosen(request.GET),
        scores=request.GET.get("scores", ""),
        page=page_number(request),
    )
    context = {"board": found, "suites": suites.suites().prefetch_related(None)}  # only their names are shown
    return render_page_or_part(request, "board/page.html", "board/table.html", context)
