"""Models: the list of all, and each one: what it is, where it stands, everything that was tried."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.charts import histories, lengths_chart
from leaderboard.pages.errors import readable
from leaderboard.pages.requests import page_number
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries import models as kept
from leaderboard.queries.history import points_of
from leaderboard.queries.remarks import contamination_of
from leaderboard.queries.repeat import repeat_command
from leaderboard.queries.standings import SuiteStandings, rankings, standings_of

HISTORY = 40
"""Lines of the history that the page itself lists; the CSV has all."""


@require_safe
@readable
def models(request: HttpRequest) -> HttpResponse:
    """`/models/?search=qwen 7b&kind=open&page=2`."""
    found = kept.model_list(
        search=request.GET.get("search", "").strip(), kind=request.GET.get("kind", ""), page=page_number(request)
    )
    return render(request, "models/page.html", {"found": found})


@require_safe
@readable
def model(request: HttpRequest, name: str, organisation: str = "") -> HttpResponse:
    """`/models/{org}/{name}?page=2` (of its attempts); the Hub's oldest models, such as gpt2, have no organisation."""
    found = kept.model_detail(f"{organisation}/{name}" if organisation else name, page=page_number(request))
    context = {
        "detail": found,
        "charts": histories(found.points),
        "lengths_chart": lengths_chart(found.reach) if found.reach else None,
        "notes": contamination_of(model=found.model),
        "history": found.points[:HISTORY],
        "commands": [(row, command) for row in found.repeatable if (command := repeat_command(row))],
    }
    return render(request, "model/page.html", context)


@require_safe
@readable
def history(request: HttpRequest) -> HttpResponse:
    """`/models/history.csv?model=org/name`: every score that the model ever had here."""
    found = kept.model_named(request.GET.get("model", ""))
    header = ("suite", "evaluation", "day", "origin", "revision", "precision", "score", "standard_error", "current")
    rows = (
        (one.suite, one.key, one.day, "imported" if one.imported else "measured", one.sha, one.precision, one.score,
         one.stderr, "yes" if one.current else "no")
        for one in points_of(found, most=None)
    )  # fmt: skip
    return spreadsheet("model-history", header, rows)


@require_safe
@readable
def scores(request: HttpRequest) -> HttpResponse:
    """`/models/scores.csv?model=org/name`: every task's score in the newest rankings, with its place."""
    found = kept.model_named(request.GET.get("model", ""))
    header = (
        "suite", "evaluation", "revision", "precision", "task", "score", "low", "high", "items", "percentile",
        "size_class", "others", "note",
    )  # fmt: skip
    return spreadsheet("model-scores", header, lines(standings_of(found.name, rankings(), most=None)))


def lines(found: list[SuiteStandings]) -> Iterator[tuple[object, ...]]:
    for suite in found:
        for one in suite.standings:
            row = one.row
            for task in one.tasks:
                place = task.place
                yield (
                    suite.suite.slug, row.key, row.sha, row.precision, task.task.task, task.points, task.low,
                    task.high, task.n or None, round(place.percentile, 1) if place else None, one.size_class,
                    place.others if place else None, task.unavailable,
                )  # fmt: skip
