"""Whether everything is at work."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from leaderboard.pages.requests import HtmxRequest, render_page_or_part
from leaderboard.queries.status import status as look


@require_safe
def status(request: HtmxRequest) -> HttpResponse:
    """`/status`; htmx polls its lists alone."""
    return render_page_or_part(request, "status/page.html", "status/lists.html", {"status": look()})
