"""What self-hosting costs against APIs: a form whose address holds every assumption, and the same as a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from leaderboard.pages.charts import Data
from leaderboard.pages.errors import readable
from leaderboard.pages.requests import HtmxRequest, render_page_or_part, wants_part
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries import assumptions as forms
from leaderboard.queries.assumptions import Field
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.tco import Tco, choices
from leaderboard.queries.tco import tco as calculated
from leaderboard.templatetags.parity import visible
from leaderboard.templatetags.tco import assumption_name
from leaderboard.templatetags.words import short_name

GROUPS = {
    "traffic": forms.TRAFFIC, "machines": forms.MACHINES, "people": forms.PEOPLE, "discounts": forms.DISCOUNTS,
    "own": forms.OWN,
}  # fmt: skip
EXAMPLE = {"throughput": 2_500, "price": 2.69}
"""Numbers to look at, said to be made up."""


@require_safe
def tco(request: HtmxRequest) -> HttpResponse:
    """`/tco?model=org/name&price=2.69&api=openai/gpt-4o-mini`; what is wrong is said beside its field."""
    asked = dict(request.GET.lists())
    try:
        found, error = calculated(asked), None
    except BadQuery as wrong:
        found, error = None, wrong
    context = form(asked, found, error) | {"found": found, "error": error}
    if found is not None:
        context |= {"staircase": staircase(found), "tornado": tornado(found)}
    reply = render_page_or_part(request, "tco/page.html", "tco/results.html", context)
    if error and not wants_part(request):  # htmx shows only what went well
        reply.status_code = error.status
    return reply


@require_safe
@readable
def tco_csv(request: HttpRequest) -> HttpResponse:
    """`/tco.csv`: the assumptions, and what follows from them, a number a line."""
    return spreadsheet("tco", ("part", "name", "value", "unit"), lines(calculated(dict(request.GET.lists()))))


def form(asked: dict[str, list[str]], found: Tco | None, error: BadQuery | None) -> dict[str, Any]:
    """The fields as they were typed, or as the calculation took them, each with what is wrong with it."""

    def typed(name: str) -> str:
        value = found.asked.values.get(name) if found else None
        return forms.written(value) if value is not None else forms.text_of(asked, name)

    def field(one: Field) -> dict[str, Any]:
        text = typed(one.name) or ("" if one.name in asked else one.default)
        return {"field": one, "text": text, "error": wrong.get(one.name, "")}

    wrong = {error.field: error.message} if error else {}
    apis = [one for one in asked.get("api", []) if one.strip()][: forms.MOST_APIS]
    return {
        "groups": {name: [field(one) for one in fields] for name, fields in GROUPS.items()},
        "apis": [*apis, *[""] * max(1, 3 - len(apis))][: forms.MOST_APIS],
        "curve": forms.text_of(asked, "curve") or "day",
        "fleet": forms.text_of(asked, "fleet") or "fixed",
        "model": forms.text_of(asked, "model"),
        "fleets": forms.FLEETS,
        "curves": forms.CURVES,
        "choices": choices(),
        "wrong": wrong,
        "example": EXAMPLE,
    }


def staircase(found: Tco) -> Data | None:
    """Dollars a month by requests: corners of the steps, and a straight line for each API."""
    stairs = found.staircase
    if stairs is None or found.hosting is None:
        return None
    corners = [
        [round(place, 1), round(cost, 2)]
        for start, end, cost in zip(stairs.places[:-1], stairs.places[1:], stairs.costs, strict=True)
        for place, cost in ((start, cost), (end, cost))
    ]
    return {
        "id": "staircase-chart", "kind": "staircase", "corners": corners, "top": stairs.top,
        "at": [found.asked["requests"], round(found.hosting.total, 2)],
        "apis": [[visible(short_name(one.name)), one.request] for one in found.offers],
    }  # fmt: skip


def tornado(found: Tco) -> Data | None:
    """The price of a million tokens with each assumption halved and doubled."""
    if found.sensitivity is None or found.hosting is None:
        return None
    return {
        "id": "tornado-chart", "kind": "tornado", "now": round(found.hosting.for_million, 6),
        "rows": [
            [assumption_name(one.field), round(one.at_low, 6), round(one.at_high, 6), one.low, one.high]
            for one in found.sensitivity
        ],
        "apis": [[visible(short_name(one.name)), round(one.for_million, 6)] for one in found.offers],
    }  # fmt: skip


def lines(found: Tco) -> Iterator[Sequence[object]]:
    """As `tco_csv` says; what is not computed has no line."""
    asked = found.asked
    for name, value in asked.values.items():
        yield "assumption", name, value, forms.FIELDS[name].unit
    for name, text in (("curve", asked.curve), ("fleet", asked.fleet), ("model", asked.model)):
        yield "assumption", name, text, ""
    if found.hosting is not None:
        host = found.hosting
        yield "self-hosting", "GPUs in the busiest hour", host.gpus, ""
        yield "self-hosting", "GPU hours", host.gpu_hours, "a month"
        yield "self-hosting", "machines", host.hardware, "$ a month"
        yield "self-hosting", "of these idle", host.idle, "$ a month"
        yield "self-hosting", "people", host.staff, "$ a month"
        yield "self-hosting", "everything else", host.other, "$ a month"
        yield "self-hosting", "together", host.total, "$ a month"
        yield "self-hosting", "utilisation of the whole fleet", host.used, "share"
        yield "self-hosting", "price", host.for_million, "$ for a million tokens"
    for step in found.steps or []:
        yield "cause of the price", step.name, step.dollars, "$ for a million tokens"
    for share, dollars in found.uses or []:
        yield "price of a machine's tokens by use", share, dollars, "$ for a million tokens"
    for one in found.offers:
        yield one.name, "month", one.month, "$ a month"
        yield one.name, "price", one.for_million, "$ for a million tokens"
        if one.difference is not None:
            yield one.name, "self-hosting costs more by", one.difference, "$ a month"
        if one.break_even is not None and found.plan is not None:
            yield one.name, "self-hosting cheaper first at", one.break_even.first / found.plan.each, "requests a month"
            yield one.name, "and always from", one.break_even.always / found.plan.each, "requests a month"
    yield from varied(found)
    yield from volumes(found)


def varied(found: Tco) -> Iterator[Sequence[object]]:
    for one in found.sensitivity or []:
        yield "sensitivity", f"{one.field} {one.low:g}", one.at_low, "$ for a million tokens"
        yield "sensitivity", f"{one.field} {one.high:g}", one.at_high, "$ for a million tokens"


def volumes(found: Tco) -> Iterator[Sequence[object]]:
    for one in found.volumes or []:
        if one.month is not None:
            yield "self-hosting", f"{one.requests:.0f} requests", one.month, "$ a month"
        for api, cost in zip(found.offers, one.apis, strict=True):
            yield api.name, f"{one.requests:.0f} requests", cost, "$ a month"
