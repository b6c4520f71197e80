"""`/workloads/`: one's own prompts. The list, one of them, its items, how it is scored, and its end."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leaderboard.actions.delete_workload import delete_workload
from leaderboard.actions.errors import Refused
from leaderboard.actions.workload_versions import leave_out_items, score_otherwise, take_back_items
from leaderboard.models import WorkloadVersion
from leaderboard.pages.private import private, reader_of
from leaderboard.pages.requests import page_number
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.pages.workload_drafts import warnings
from leaderboard.pages.workload_scoring import Scene, scoring_page
from leaderboard.queries import workloads as queries
from leaderboard.queries.bakeoffs import read_by


@private
@require_safe
def workloads(request: HttpRequest) -> HttpResponse:
    """Mine, the uploads that I have not kept yet, and the reports that others let me read."""
    owner = reader_of(request)
    context = {
        "versions": queries.newest_versions(owner) if owner else [],
        "drafts": list(queries.drafts(owner)) if owner else [],
        "reports": read_by(user_of(request)),
    }
    return render(request, "workloads/list.html", context)


def shown(request: HttpRequest, pk: int) -> tuple[list[WorkloadVersion], WorkloadVersion]:
    """All versions, and the one that `?version=` asks for; raises Missing."""
    listed = queries.versions(reader_of(request), pk)
    return listed, queries.version_of(listed, request.GET.get("version", ""))


@private
@require_safe
def workload(request: HttpRequest, pk: int) -> HttpResponse:
    """`/workloads/1?version=2`."""
    listed, version = shown(request, pk)
    context = {
        "workload": version.workload, "version": version, "versions": listed, "newest": listed[0],
        "report": version.items.report, "warnings": warnings(version.items.report),
        "first": queries.preview(version.items, {int(place) for place in version.excluded})[:2],
    }  # fmt: skip
    return render(request, "workloads/page.html", context)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def items(request: HttpRequest, pk: int) -> HttpResponse:
    """`/workloads/1/items?show=out&page=2`; POST leaves the ticked ones out, or takes them back: the next version."""
    listed, version = shown(request, pk)
    problem, status = "", 200
    if request.method == "POST":
        try:
            made = changed(request, pk)
        except Refused as error:
            problem, status = error.message, error.status
        else:
            messages.success(request, f"This is version {made.number} now.")
            return redirect("workload", pk=pk)
    found = queries.item_page(version, show=request.GET.get("show", "all"), page=page_number(request))
    context = {
        "workload": version.workload, "version": version, "newest": listed[0], "found": found, "problem": problem,
        "reason": request.POST.get("reason", ""), "ticked": set(request.POST.getlist("place")),
    }  # fmt: skip
    return render(request, "workloads/items.html", context, status=status)


def changed(request: HttpRequest, pk: int) -> WorkloadVersion:
    """The next version as the form on a page of items says; raises Refused."""
    places = [int(one) for one in request.POST.getlist("place") if one.isascii() and one.isdigit() and len(one) < 10]
    number = request.POST.get("number", "")
    common: dict[str, Any] = {
        "owner": owner_of(request), "maker": user_of(request), "workload": pk, "places": places,
        "number": int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0,
    }  # fmt: skip
    if request.POST.get("do") == "back":
        return take_back_items(**common)
    return leave_out_items(**common, reason=request.POST.get("reason", ""))


@private
@require_http_methods(["GET", "HEAD", "POST"])
def scoring(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version, scored otherwise: the next version."""
    newest = queries.versions(reader_of(request), pk)[0]

    def keep(scoring: dict[str, Any], _: str, leave_out: bool) -> int:
        return score_otherwise(
            owner=owner_of(request), maker=user_of(request), workload=pk, number=newest.number, scoring=scoring,
            leave_out=leave_out,
        ).workload_id  # fmt: skip

    out = {int(place) for place in newest.excluded}
    scene = Scene(
        items=newest.items, excluded=out, report=newest.items.report, scoring=newest.scoring, keep=keep,
        workload=newest.workload, version=newest,
    )  # fmt: skip
    return scoring_page(request, scene)


@private
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete it; the receipt is on this reply alone, and so without a redirection."""
    name = queries.versions(reader_of(request), pk)[0].workload.name
    receipt = delete_workload(owner=owner_of(request), workload=pk)
    return render(request, "workloads/receipt.html", {"receipt": receipt, "name": name})
