"""The suites, and what one of them measures."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.tables import csv_reply
from leaderboard.queries import suites as kept


@require_safe
def suites(request: HttpRequest) -> HttpResponse:
    """`/suites/`."""
    return render(request, "suites/list.html", {"lines": kept.suite_list()})


@require_safe
@readable
def suite(request: HttpRequest, suite: str, version: str) -> HttpResponse:
    """`/suites/starter/1`."""
    return render(request, "suites/page.html", {"detail": kept.suite_detail(f"{suite}@{version}")})


@require_safe
@readable
def scores(request: HttpRequest, suite: str, version: str) -> HttpResponse:
    """`/suites/starter/1/scores.csv`: the scores behind the page's chart."""
    found = kept.suite_detail(f"{suite}@{version}")
    header = ("suite", "task", "model", "origin", "score", "standard_error", "items")
    rows = (
        (found.suite.slug, one.task, one.model, "measured" if one.measured else "imported", one.score, one.stderr,
         one.n or None)
        for one in found.cells
    )  # fmt: skip
    return csv_reply(f"{found.suite.name}-{found.suite.version}-scores", header, rows)
