"""How scores come about, with the formulas and numbers of this site."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.queries.method import example


@require_safe
def method(request: HttpRequest) -> HttpResponse:
    """`/method`."""
    return render(request, "evidence/method.html", {"example": example()})
