"""Answers of a bake-off judged: by models that its owner picks, and by persons who grade blind. For nobody else."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HTMX_STOP_POLLING

from leaderboard.actions.begin_judging import add_judge, begin_judging, kin_of, material_of
from leaderboard.actions.errors import Refused
from leaderboard.actions.grade import grade as keep_grade
from leaderboard.actions.grade import take_back
from leaderboard.pages.bakeoffs import course_of, report_of
from leaderboard.pages.judging_form import JudgesForm, JudgingForm
from leaderboard.pages.private import private
from leaderboard.pages.requests import HtmxRequest, page_number, position, render_page_or_part, wants_part
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.queries.blind_grading import blind
from leaderboard.queries.judge_estimate import expected_judging
from leaderboard.queries.judged_items import questions
from leaderboard.queries.judged_sides import SHOWN, judged_sides
from leaderboard.queries.judging_report import judged
from leaderboard.queries.judging_told import COLUMNS, judged_lines
from leaderboard.queries.judgings import bench


def refused(request: HttpRequest, context: dict[str, Any], error: Refused) -> HttpResponse:
    """The form again, with what is wrong beside its field."""
    context["form"].refused(error)
    reply = render(request, "judging/new.html", context, status=error.status)
    for name, value in error.headers.items():
        reply.headers[name] = value
    return reply


@private
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, workload: int, pk: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/1/judgings/new`: the form; POST says what it will take, and begins with `begin`."""
    course = course_of(request, workload, pk)
    owner, found = owner_of(request), report_of(request, course)
    form = JudgingForm(request.POST if request.method == "POST" else None, owner=owner, found=found)
    context: dict[str, Any] = {"form": form, "course": course, "found": found}
    if request.method != "POST" or not form.is_valid():
        return render(request, "judging/new.html", context, status=400 if form.errors else 200)
    question = form.question()
    try:
        if "begin" in request.POST:
            made = begin_judging(
                owner=owner, maker=user_of(request), bakeoff=pk, question=question, judges=form.candidates(),
                confirmed=form.cleaned_data["confirmed"],
            )  # fmt: skip
            return redirect("judging", workload=workload, bakeoff=pk, pk=made.pk)
        material = material_of(course.bakeoff, question)
        kin = [said for judge in form.candidates() for said in kin_of(owner, judge, material)]
    except Refused as error:
        return refused(request, context, error)
    asked = questions(question.form, question.rubric, question.salt, material.cases)
    context |= {
        "kin": list(dict.fromkeys(kin)),
        "expected": expected_judging(asked, form.planned()),
        "shown": asked[0],
        "asked": len(asked),
    }
    return render(request, "judging/new.html", context)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def more(request: HttpRequest, workload: int, bakeoff: int, pk: int) -> HttpResponse:
    """One more judge for the same questions."""
    course = course_of(request, workload, bakeoff)
    row, owner = bench(course, pk), owner_of(request)
    form = JudgesForm(request.POST if request.method == "POST" else None, owner=owner)
    context: dict[str, Any] = {"form": form, "course": course, "bench": row}
    if request.method != "POST" or not form.is_valid():
        return render(request, "judging/new.html", context, status=400 if form.errors else 200)
    try:
        for judge in form.candidates():
            add_judge(
                owner=owner, maker=user_of(request), judging=pk, judge=judge, confirmed=form.cleaned_data["confirmed"]
            )
    except Refused as error:
        return refused(request, context, error)
    return redirect("judging", workload=workload, bakeoff=bakeoff, pk=pk)


@private
@require_safe
def judging(request: HtmxRequest, workload: int, bakeoff: int, pk: int) -> HttpResponse:
    """The page: how far each judge has come, and what they and persons say. htmx polls the live part."""
    course = course_of(request, workload, bakeoff)
    row = bench(course, pk)
    found = judged(course, report_of(request, course).margin, [row])[0]
    context = {"course": course, "bench": row, "one": found, "own": True}
    reply = render_page_or_part(request, "judging/page.html", "judging/live.html", context)
    if wants_part(request) and not row.live:
        reply.status_code = HTMX_STOP_POLLING
    return reply


@private
@require_safe
def items(request: HttpRequest, workload: int, bakeoff: int, pk: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/1/judgings/2/items?by=1&show=turned`: what was said of each prompt."""
    course = course_of(request, workload, bakeoff)
    found = judged(course, course.bakeoff.margin, [bench(course, pk)])[0]
    sides = judged_sides(found, request.GET.dict(), page=page_number(request))
    return render(request, "judging/items.html", {"course": course, "sides": sides, "kinds": SHOWN})


@private
@require_safe
def as_csv(request: HttpRequest, workload: int, bakeoff: int, pk: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/1/judgings/2/report.csv`."""
    course = course_of(request, workload, bakeoff)
    found = judged(course, report_of(request, course).margin, [bench(course, pk)])
    return spreadsheet(f"judging-{pk}", COLUMNS, judged_lines(found))


@private
@require_http_methods(["GET", "HEAD", "POST"])
def grade(request: HttpRequest, workload: int, bakeoff: int, pk: int) -> HttpResponse:
    """`/workloads/3/bakeoffs/1/judgings/2/grade`: two answers, blind; POST keeps a grade and shows the next."""
    course = course_of(request, workload, bakeoff)
    row, grader = bench(course, pk), user_of(request)
    if request.method != "POST":
        number = position(request, "item") if request.GET.get("item") else None
        return render(request, "judging/grade.html", {"course": course, "blind": blind(row, grader, number=number)})
    here = reverse("judging-grade", kwargs={"workload": workload, "bakeoff": bakeoff, "pk": pk})
    choice, text = request.POST.get("choice", ""), request.POST.get("number", "")
    if choice == "back":
        number = take_back(owner=owner_of(request), grader=grader, judging=pk)
        return redirect(here if number is None else f"{here}?item={number}")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused("bad_number", "Say which prompt is graded.", field="number")
    keep_grade(owner=owner_of(request), grader=grader, judging=pk, number=int(text), choice=choice)
    return redirect(here)
