"""Bake-offs of one's own workloads: begun, followed, read, shared. For anybody else there are none."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HTMX_STOP_POLLING

from leaderboard.actions.bakeoff_readers import add_reader, remove_reader
from leaderboard.actions.begin_bakeoff import begin_bakeoff
from leaderboard.actions.errors import Refused
from leaderboard.actions.pause import resume as resume_submission
from leaderboard.actions.share_bakeoff import LONGEST, cancel_bakeoff, revoke_share, share_bakeoff
from leaderboard.models import Model
from leaderboard.pages.bakeoff_form import BakeoffForm
from leaderboard.pages.errors import readable
from leaderboard.pages.private import private, reader_of
from leaderboard.pages.requests import HtmxRequest, page_number, render_page_or_part, wants_part
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.pages.submissions import ResumeForm
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.queries import bakeoffs, workloads
from leaderboard.queries.bakeoff_estimate import expected
from leaderboard.queries.bakeoff_items import ANSWERED, SHOWN, sides
from leaderboard.queries.bakeoff_report import Report, asked_of, report
from leaderboard.queries.bakeoff_told import COLUMNS, lines
from leaderboard.queries.bakeoffs import Course
from leaderboard.queries.errors import Missing
from leaderboard.queries.judging_told import report_told
from leaderboard.queries.judgings import judge_runs
from leaderboard.queries.switching import MODALITIES, switch, wishes_of

DAYS = 14
"""Of a link, where none are said."""


def course_of(request: HttpRequest, workload: int, pk: int) -> Course:
    """The reader's own; raises Missing."""
    return bakeoffs.course(reader_of(request), pk, workload=workload)


def report_of(request: HttpRequest, course: Course) -> Report:
    return report(course, asked_of(request.GET, course))


@private
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, workload: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/new`: the form; POST shows what it will take, and begins with `begin`."""
    versions = workloads.versions(reader_of(request), workload)
    owner = owner_of(request)
    wanted = request.GET.get("version", "") or request.POST.get("version", "")
    version = next((one for one in versions if str(one.number) == wanted), versions[0])
    form = BakeoffForm(
        request.POST if request.method == "POST" else None, owner=owner, initial={"version": version.number}
    )
    context: dict[str, Any] = {"form": form, "version": version, "versions": versions, "workload": version.workload}
    if request.method != "POST" or not form.is_valid():
        return render(request, "bakeoffs/new.html", context, status=400 if form.errors else 200)
    if "begin" not in request.POST:
        context["expected"] = expected(owner, version, form.planned())
        return render(request, "bakeoffs/new.html", context)
    try:
        made = begin_bakeoff(
            owner=owner, maker=user_of(request), workload=workload, version=version.number,
            margin=form.cleaned_data["margin"], stops=form.cleaned_data["stops"], candidates=form.candidates(),
        )  # fmt: skip
    except Refused as error:
        form.refused(error)
        reply = render(request, "bakeoffs/new.html", context, status=error.status)
        for name, value in error.headers.items():
            reply.headers[name] = value
        return reply
    return redirect("bakeoff", workload=workload, pk=made.pk)


@private
@require_safe
def bakeoff(request: HtmxRequest, workload: int, pk: int) -> HttpResponse:
    """The page: how far each model has come, and the report as far as there is one. htmx polls the live part."""
    course = course_of(request, workload, pk)
    found = report_of(request, course)
    context = {"course": course, "found": found, "shares": bakeoffs.shares(course.bakeoff), "days": DAYS, "own": True,
               "readers": list(bakeoffs.readers(course.bakeoff))}  # fmt: skip
    reply = render_page_or_part(request, "bakeoffs/page.html", "bakeoffs/live.html", context)
    if wants_part(request) and not course.live:
        reply.status_code = HTMX_STOP_POLLING
    return reply


@private
@require_safe
def items(request: HttpRequest, workload: int, pk: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/1/items?a=1&b=2&show=first&tag=x`: answers side by side."""
    course = course_of(request, workload, pk)
    found = sides(report_of(request, course), request.GET.dict(), page=page_number(request))
    return render(
        request,
        "bakeoffs/items.html",
        {"course": course, "sides": found, "kinds": ANSWERED if course.judged else SHOWN},
    )


@private
@require_safe
def can_switch(request: HttpRequest, workload: int, pk: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/1/switch?to=2&margin=1&context=8000&budget=3`."""
    course = course_of(request, workload, pk)
    found = report_of(request, course)
    answer = switch(found, wishes_of(request.GET, dict(request.GET.lists()), found))
    context = {
        "course": course, "found": found, "answer": answer, "families": Model.LicenceFamily.choices,
        "modalities": MODALITIES,
    }  # fmt: skip
    return render(request, "bakeoffs/switch.html", context)


@private
@require_safe
def as_file(request: HttpRequest, workload: int, pk: int, kind: str) -> HttpResponse:
    """The report's numbers as CSV or JSON."""
    course = course_of(request, workload, pk)
    found = report_of(request, course)
    if kind == "csv":
        return spreadsheet(f"bakeoff-{pk}", COLUMNS, lines(found))
    return JsonResponse(
        report_told(found), json_dumps_params={"indent": 1},
        headers={"Content-Disposition": f'attachment; filename="bakeoff-{pk}.json"'},
    )  # fmt: skip


@private
@require_POST
def cancel(request: HttpRequest, workload: int, pk: int) -> HttpResponse:
    """Give up what still runs."""
    course_of(request, workload, pk)
    cancel_bakeoff(owner=owner_of(request), bakeoff=pk)
    return redirect("bakeoff", workload=workload, pk=pk)


@private
@require_POST
def resume(request: HttpRequest, workload: int, pk: int, submission: int) -> HttpResponse:
    """The owner's word that an endpoint may be asked on."""
    course = course_of(request, workload, pk)
    if submission not in {one.submission.pk for one in course.entrants} | judge_runs(course.bakeoff):
        raise Missing("submission", f"This bake-off has no run {submission}.")
    form = ResumeForm(request.POST)
    if not form.is_valid():
        raise Refused("bad_budget", "A budget is a number: dollars, or whole tokens.")
    resume_submission(submission=submission, owner=owner_of(request), **form.cleaned_data)
    return redirect("bakeoff", workload=workload, pk=pk)


@private
@require_POST
def share(request: HttpRequest, workload: int, pk: int) -> HttpResponse:
    """Make a link, which this reply alone shows."""
    course = course_of(request, workload, pk)
    text = request.POST.get("days", str(DAYS))
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise Refused("bad_days", f"A link ends after 1 to {LONGEST} days.")
    made, token = share_bakeoff(owner=owner_of(request), bakeoff=pk, days=int(text))
    address = request.build_absolute_uri(reverse("shared-bakeoff", args=[token]))
    return render(request, "bakeoffs/shared.html", {"course": course, "share": made, "address": address})


@private
@require_POST
def revoke(request: HttpRequest, workload: int, pk: int, share: int) -> HttpResponse:
    """End a link."""
    course_of(request, workload, pk)
    revoke_share(owner=owner_of(request), bakeoff=pk, share=share)
    return redirect("bakeoff", workload=workload, pk=pk)


@private
@require_POST
def let_read(request: HttpRequest, workload: int, pk: int) -> HttpResponse:
    """Let somebody read the numbers, by the name of their account."""
    course_of(request, workload, pk)
    name = request.POST.get("username", "")
    made = add_reader(owner=owner_of(request), by=user_of(request), bakeoff=pk, username=name)
    messages.success(request, f"{made.user.username} reads these numbers now, under Workloads.")
    return redirect("bakeoff", workload=workload, pk=pk)


@private
@require_POST
def let_read_no_more(request: HttpRequest, workload: int, pk: int, person: int) -> HttpResponse:
    """Take somebody off."""
    course_of(request, workload, pk)
    remove_reader(owner=owner_of(request), by=user_of(request), bakeoff=pk, person=person)
    return redirect("bakeoff", workload=workload, pk=pk)


@private
@require_safe
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """`/shared/bakeoffs/3`: the numbers of somebody's report, for whom they let read it; as under a link."""
    course = bakeoffs.course_read_by(user_of(request), pk)
    return render(request, "bakeoffs/page.html", {"course": course, "found": report_of(request, course), "own": False})


@require_safe
@never_cache
@readable
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """`/shared/TOKEN`: the report's numbers for whoever has the link; no prompt, no answer, no tag of it."""
    course = bakeoffs.shared(token)
    found = report_of(request, course)
    reply = render(request, "bakeoffs/page.html", {"course": course, "found": found, "own": False})
    reply.headers["X-Robots-Tag"] = "noindex"
    return reply
