"""Models beside each other: with tests on the items that they share, and item by item."""

from collections.abc import Iterator, Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.charts import forest
from leaderboard.pages.errors import readable
from leaderboard.pages.requests import page_number
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries import compare as comparisons
from leaderboard.queries import diff as diffs
from leaderboard.queries.compare import Against, Compared, Standing
from leaderboard.queries.errors import BadQuery
from leaderboard.statistics.ranks import Z95

COLUMNS = (
    "suite", "task", "id", "model", "revision", "verified", "score", "low", "high", "items", "base", "difference",
    "difference_low", "difference_high", "verdict", "p_adjusted", "test", "common_items", "partly_common",
    "more_items", "noise_floor", "within_noise", "note",
)  # fmt: skip
Line = Sequence[str | float | int | None]


def asked_for(request: HttpRequest) -> dict[str, str]:
    """The parameters but for the models; raises BadQuery for what cannot be meant."""
    if len(request.META.get("QUERY_STRING", "")) > comparisons.QUERY_LIMIT:
        raise BadQuery("query", f"A comparison's address has at most {comparisons.QUERY_LIMIT:,} characters.")
    return {name: request.GET.get(name, "").strip() for name in ("suite", "base", "margin")}


def models_of(request: HttpRequest) -> list[str]:
    """What `m` names; fields left empty are none."""
    return [one.strip() for one in request.GET.getlist("m") if one.strip()]


@require_safe
@readable
def compare(request: HttpRequest) -> HttpResponse:
    """`/compare?suite=starter@1&m=s1&m=s2&base=s2&margin=2`; with fewer than two models, the form that asks."""
    parameters, asked = asked_for(request), models_of(request)
    if len(asked) < comparisons.LEAST:
        comparisons.margin_of(parameters["margin"])
        choices = comparisons.choices(asked=asked, suite=parameters["suite"])
        context = {"choices": choices, "margin": parameters["margin"] or f"{comparisons.MARGIN:g}"}
        return render(request, "compare/form.html", context)
    found = comparisons.compare(asked=asked, **parameters)
    return render(request, "compare/page.html", {"found": found, "forest": forest(found)})


@require_safe
@readable
def compare_csv(request: HttpRequest) -> HttpResponse:
    """The same as a table: a line for each task and model, those of the suite first."""
    parameters = asked_for(request)
    found = comparisons.compare(asked=models_of(request), **parameters)
    return spreadsheet("comparison", COLUMNS, lines(found))


def lines(found: Compared) -> Iterator[Line]:
    for standing in found.standings:
        error, score = standing.of.stderr, standing.of.score
        half = None if error is None else Z95 * error
        ends = (None, None) if half is None or score is None else (score - half, score + half)
        yield line(found, "", standing, score, ends, None)
    for row in found.rows:
        for entry in row.entries:
            ends = entry.interval or (None, None)
            reason = entry.cell.unavailable
            yield line(
                found, row.task.task, Standing(entry.of, entry.against), entry.points, ends, entry.cell.n, reason
            )


def line(
    found: Compared,
    task: str,
    standing: Standing,
    score: float | None,
    ends: tuple[float | None, float | None],
    items: int | None,
    note: str = "",
) -> Line:
    of = standing.of
    start: Line = [
        found.suite.slug, task, of.id, of.name, of.revision.sha, "yes" if of.submission else "no", score, *ends, items,
    ]  # fmt: skip
    return [*start, *tests(found, standing.against, note)]


def tests(found: Compared, against: Against | None, note: str) -> Line:
    """The columns from `base` on."""
    if against is None:
        return ["", *[None] * 11, note or "base"]
    if against.verdict is None:
        return [found.base.id, *[None] * 11, note or against.reason]
    one, more = against.comparison, against.more
    return [
        found.base.id, against.difference, against.low, against.high, against.verdict.word.value, against.p, one.method,
        one.n, "yes" if against.partial else "no", "" if more is None else more, against.noise,
        "yes" if against.within_noise else "no", note,
    ]  # fmt: skip


@require_safe
@readable
def diff(request: HttpRequest, first: str, second: str) -> HttpResponse:
    """`/diff/s1/s2?task=arc_easy&show=regressed&page=2`: what the second lost and gained against the first."""
    parameters = asked_for(request)
    found = diffs.diff(
        first, second, task=request.GET.get("task", ""), show=request.GET.get("show", "all"),
        page=page_number(request), margin=parameters["margin"],
    )  # fmt: skip
    return render(request, "diff/page.html", {"found": found})
