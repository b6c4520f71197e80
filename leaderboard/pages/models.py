"""One model: what it is, where it stands, everything that was tried."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.queries import models


@require_safe
@readable
def model(request: HttpRequest, name: str, organisation: str = "") -> HttpResponse:
    """`/models/{org}/{name}`; the Hub's oldest models, such as gpt2, have no organisation."""
    found = models.model_detail(f"{organisation}/{name}" if organisation else name)
    return render(request, "model.html", {"detail": found})
