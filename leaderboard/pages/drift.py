"""Whether an endpoint still answers as it did, or as the weights that are said to answer there."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries.drift import Drift
from leaderboard.queries.drift import drift as look

COLUMNS = (
    "endpoint", "suite", "baseline", "submission", "finished_at", "difference", "low", "high", "p", "task", "threshold",
    "drifted", "verdict", "items",
)  # fmt: skip


def found_for(request: HttpRequest, pk: int) -> Drift:
    return look(pk, suite=request.GET.get("suite", ""), baseline=request.GET.get("baseline", ""))


@require_safe
@readable
def drift(request: HttpRequest, pk: int) -> HttpResponse:
    """`/endpoints/7/drift?suite=parity-core@1&baseline=s12`."""
    return render(request, "drift/page.html", {"found": found_for(request, pk)})


@require_safe
@readable
def drift_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The same as a table."""
    found = found_for(request, pk)
    lines = [
        (
            found.endpoint.pk, found.suite.slug if found.suite else "", found.baseline.pk if found.baseline else None,
            one.submission.pk, one.at.isoformat() if one.at else "", one.difference, one.low, one.high, one.p,
            one.task, one.threshold, "" if one.drifted is None else str(one.drifted).lower(), one.word, one.items,
        )
        for one in found.lines
    ]  # fmt: skip
    return spreadsheet("drift", COLUMNS, lines)
