"""What is claimed of models, and what the measurements say of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.queries.claims import claims as judged
from leaderboard.statistics.claims import Outcome


@require_safe
def claims(request: HttpRequest) -> HttpResponse:
    """`/claims`."""
    found = judged()
    counts = [(outcome.value, sum(one.outcome == outcome for one in found)) for outcome in Outcome]
    return render(request, "claims/page.html", {"claims": found, "counts": counts})
