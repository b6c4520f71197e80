"""The ranking of a suite."""

from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url

from leaderboard.columnar.facts import FACETS
from leaderboard.pages.conditional import conditional
from leaderboard.pages.errors import readable
from leaderboard.pages.requests import HtmxRequest, page_number, render_page_or_part, wants_part
from leaderboard.queries import board as boards
from leaderboard.queries import suites
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.gap import gap_of
from leaderboard.queries.personal import PREFIX
from leaderboard.queries.selection import Asked
from leaderboard.templatetags.board import Late

PARAMETERS = ("suite", "sort", "search", "scores", "col", "page", "pin", "open", *(facet.name for facet in FACETS))
"""What a board's address may say, beside `w.TASK` for weights. Embeds and downloads take the same, and do what they can
with it."""
CAMPAIGNS = (
    "utm_", "mtm_", "hsa_", "mc_", "fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "yclid", "twclid",
)  # fmt: skip
"""How names of parameters begin that others add to links to see where readers come from; they ask nothing."""


def asked(query: QueryDict) -> Asked:
    """What an address asks of a board: suite, sort, search, scores, `col` for each column, `w.TASK` for each weight,
    and any facet as often as it has chosen values. Raises BadQuery for anything else: a typing error would go
    unnoticed."""
    for name in query:
        if name not in PARAMETERS and not name.startswith((PREFIX, *CAMPAIGNS)):
            known = ", ".join(sorted([*PARAMETERS, f"{PREFIX}TASK"]))
            raise BadQuery("query", f"There is no parameter {name[:60]!r} here. Parameters: {known}.")
    return Asked(
        suite=query.get("suite", ""),
        sort=query.get("sort", ""),
        search=query.get("search", ""),
        chosen={facet.name: query.getlist(facet.name) for facet in FACETS if facet.name in query},
        scores=query.get("scores", ""),
        columns=query.getlist("col"),
        weights={name.removeprefix(PREFIX): str(query[name]) for name in query if name.startswith(PREFIX)},
    )


@require_safe
@conditional("HX-Request", "HX-Boosted", "HX-History-Restore-Request")
@readable
def board(request: HtmxRequest) -> HttpResponse:
    """`/?suite=&page=` and what else `asked` knows; `pin` for each row on top, `open` for each row that shows its
    details. htmx gets the table alone."""
    found = boards.board(asked(request.GET), pins=request.GET.getlist("pin"), page=page_number(request))
    late = Late()
    whole = not wants_part(request)
    context = {
        "board": found,
        "gap": gap_of(found.suite, found.tasks, found.snapshot) if whole and found.snapshot else None,
        "late": late,
        "opened": set(request.GET.getlist("open")),
        "suites": suites.tabs(found.state.suite if found.state else None),
    }
    reply = render_page_or_part(request, "board/page.html", "board/table.html", context)
    reply.content = late.into(reply.content)
    if wants_part(request) and (short := without_blanks(request.GET)) != request.GET:
        replace_url(reply, f"{request.path}?{short.urlencode()}")
    return reply


def without_blanks(query: QueryDict) -> QueryDict:
    """What a form sends, less the fields that were left empty."""
    short = query.copy()
    for name, values in list(short.lists()):
        short.setlist(name, [value for value in values if value])
        if not short.getlist(name):
            del short[name]
    return short
