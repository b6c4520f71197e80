"""What other sites show of a board: a small table in a frame, and a badge for a model's card."""

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from leaderboard.pages.board import asked
from leaderboard.pages.conditional import conditional
from leaderboard.pages.errors import readable
from leaderboard.queries import badge as badges
from leaderboard.queries import board as boards

ROWS = 10
HOUR = 3_600


@require_safe
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})
@conditional()
@readable
def embed(request: HttpRequest) -> HttpResponse:
    """`/embed?` and the board's own words: the first rows. The only page that others may frame; it knows nobody."""
    found = boards.board(asked(request.GET), page_size=ROWS)
    return render(request, "board/embed.html", {"board": found, "query": request.GET.urlencode()})


@require_safe
@readable
def badge(request: HttpRequest, slug: str, name: str, organisation: str = "") -> HttpResponse:
    """`/badge/SUITE@V/ORG/NAME.svg`: "rank 3-5 on open-llm@1" of the model's best row."""
    found = badges.badge(slug, f"{organisation}/{name}" if organisation else name)
    reply = render(request, "board/badge.svg", {"badge": found}, content_type="image/svg+xml; charset=utf-8")
    reply.headers["Cache-Control"] = f"public, max-age={HOUR}"
    return reply
