"""What runs, waits and ended lately."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from leaderboard.pages.requests import HtmxRequest, render_page_or_part
from leaderboard.queries import submissions


@require_safe
def queue(request: HtmxRequest) -> HttpResponse:
    """`/queue`; htmx polls the lists alone."""
    return render_page_or_part(request, "queue/page.html", "queue/lists.html", {"queue": submissions.queue()})
