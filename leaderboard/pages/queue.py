"""What runs, waits and ended lately."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.requests import HtmxRequest, wants_part
from leaderboard.queries import submissions


@require_safe
def queue(request: HtmxRequest) -> HttpResponse:
    """`/queue`; htmx polls the lists alone."""
    template = "queue/lists.html" if wants_part(request) else "queue/page.html"
    return render(request, template, {"queue": submissions.queue()})
