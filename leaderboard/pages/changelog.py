"""What changed on this site for its readers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.queries import changelog as kept


@require_safe
def changelog(request: HttpRequest) -> HttpResponse:
    """`/changelog`."""
    return render(request, "evidence/changelog.html", {"lines": kept.changelog()})
