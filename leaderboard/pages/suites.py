"""The suites, and what one of them measures."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.charts import sizes_chart
from leaderboard.pages.errors import readable
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries import sizes as sizes_of
from leaderboard.queries import suites as kept
from leaderboard.queries.selection import suite_named

COLUMNS = {
    sizes_of.Axis.PARAMETERS: "parameters",
    sizes_of.Axis.ACTIVE: "active_parameters",
    sizes_of.Axis.PRICE: "dollars_for_a_million_tokens",
    sizes_of.Axis.THROUGHPUT: "tokens_per_second",
    sizes_of.Axis.CONTEXT: "context_tokens",
    sizes_of.Axis.MEASURED: "measured_context_tokens",
}
"""What the file calls each axis."""


@require_safe
def suites(request: HttpRequest) -> HttpResponse:
    """`/suites/`."""
    return render(request, "suites/list.html", {"lines": kept.suite_list()})


@require_safe
@readable
def suite(request: HttpRequest, suite: str, version: str) -> HttpResponse:
    """`/suites/starter/1?pin=s12&x=measured`."""
    detail = kept.suite_detail(f"{suite}@{version}")
    axis = sizes_of.axis_named(request.GET.get("x", ""))
    found = sizes_of.sizes(detail.suite, request.GET.getlist("pin"), axis)
    context = {"detail": detail, "sizes": found, "sizes_chart": sizes_chart(found), "axes": list(sizes_of.Axis)}
    return render(request, "suites/page.html", context)


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
    return spreadsheet(f"{found.suite.name}-{found.suite.version}-scores", header, rows)


@require_safe
@readable
def sizes(request: HttpRequest, suite: str, version: str) -> HttpResponse:
    """`/suites/starter/1/sizes.csv?x=measured`: every row behind the chart of scores against sizes, or contexts."""
    axis = sizes_of.axis_named(request.GET.get("x", ""))
    found = sizes_of.all_sizes(suite_named(f"{suite}@{version}"), axis=axis)
    what = COLUMNS[axis]
    header = ("suite", "evaluation", "model", "weights", "precision", what, "score", "half_interval", "pareto")
    rows = (
        (found.suite.slug, one.key, one.name, one.kind, one.precision, int(one.x) if one.x.is_integer() else one.x,
         one.score, one.half,
         "yes" if one.front else "no")
        for one in found.drawn
    )  # fmt: skip
    return spreadsheet(f"{found.suite.name}-{found.suite.version}-sizes", header, rows)
