"""Choosing how answers are scored: the form, tried on five items, before anything is kept."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from evaluator.scoring.programs import told
from evaluator.scoring.scored import Scored, score, unfit
from evaluator.scoring.spec import Any_, BadScoring, UnitTests, needs_reference, scoring_of
from evaluator.scoring.texts import last_number
from leaderboard.actions.errors import Refused
from leaderboard.models import Workload, WorkloadDraft, WorkloadItems, WorkloadVersion
from leaderboard.pages.requests import wants_part
from leaderboard.pages.scoring_form import ScoringForm, initial_of
from leaderboard.queries import workloads as queries
from leaderboard.queries.workloads import Placed
from leaderboard.workloads.records import TEXT

PATIENCE = 4.0
"""Seconds that trying takes before the items that are left go without."""
Keep = Callable[[dict[str, Any], str, bool], int]
"""Takes a way of scoring, a name and whether items that it cannot score are left out; returns the workload."""


@dataclass(frozen=True)
class Scene:
    """Items whose scoring is chosen: of an upload, or of a version of a workload."""

    items: WorkloadItems
    excluded: Collection[int]
    report: dict[str, Any]
    scoring: dict[str, Any] | None
    keep: Keep
    workload: Workload | None = None
    draft: WorkloadDraft | None = None
    version: WorkloadVersion | None = None


class Tried(NamedTuple):
    """An item with an answer, and how it counts. `problem`: why it cannot be scored so; `note`: what can be said of an
    answer that is not scored here."""

    placed: Placed
    answer: str
    produced: bool
    problem: str = ""
    scored: Scored | None = None
    note: str = ""


def scoring_page(request: HttpRequest, scene: Scene) -> HttpResponse:
    """The form; POST tries it, or with `do=keep` keeps it. What is wrong is said beside its field.

    A trial by htmx keeps nothing: it has the button in it that was pressed last, which may be about to send the form.
    """
    placed, called = queries.preview(scene.items, scene.excluded), scene.workload is None
    if request.method != "POST":
        initial = initial_of(scene.scoring or {"kind": likely(placed)}) | {"name": default(scene)}
        form = ScoringForm(initial=initial, called=called)
        return page(request, scene, form, tried(placed, way_of(form.initial), {}))
    keeps = request.POST.get("do") == "keep" and not wants_part(request)  # type: ignore[arg-type]
    form = ScoringForm(request.POST, called=called, keeps=keeps)
    way, status = None, 200
    if form.is_valid():
        try:
            way = scoring_of(form.scoring())
        except BadScoring as error:
            form.say(error.field, error.message)
    if way and keeps:
        try:
            kept = scene.keep(form.scoring(), form.cleaned_data.get("name", ""), "leave_out" in request.POST)
        except Refused as error:
            form.say(error.field, error.message)
            status = error.status
        else:
            messages.success(request, "Kept.")
            return redirect("workload", pk=kept)
    answers = {one.place: request.POST.get(f"answer-{one.place}", "").replace("\r\n", "\n") for one in placed}
    return page(
        request, scene, form, tried(placed, way, answers), status=400 if form.errors and status == 200 else status
    )


def likely(placed: list[Placed]) -> str:
    """The kind that these items look like."""
    items = [one.item for one in placed]
    if items and all(len(one.choices) > 1 for one in items):
        return "choice"
    references = [one for item in items for one in item.references]
    return "number" if references and all(is_number(one) for one in references) else "exact"


def is_number(text: str) -> bool:
    return len(text) < 40 and last_number(text) is not None and not any(letter.isalpha() for letter in text)


def way_of(initial: Mapping[str, Any]) -> Any_ | None:
    """The way that a fresh form says."""
    form = ScoringForm({name: value for name, value in initial.items() if value not in (False, None)})
    if not form.is_valid():
        return None
    try:
        return scoring_of(form.scoring())
    except BadScoring:
        return None


def tried(placed: list[Placed], way: Any_ | None, answers: Mapping[int, str]) -> list[Tried]:
    """Each item with the answer that was typed, else today's; scored where there is one and a way."""
    found, end = [], time.monotonic() + PATIENCE
    for one in placed:
        item, typed = one.item, answers.get(one.place)
        produced = typed is None and item.production is not None
        answer = (typed if typed is not None else item.production or "")[:TEXT]
        problem = unfit(way, item.references, item.choices) if way else ""
        if time.monotonic() > end:
            problem = "It takes too long to be tried here."
        there, note = bool(way and answer.strip() and not problem), ""
        if there and isinstance(way, UnitTests):
            there, note = False, noted(way, answer)
        scored = score(way, answer, item.references, item.choices) if way and there else None
        found.append(Tried(one, answer, produced or answer == item.production, problem, scored, note))
    return found


def noted(way: UnitTests, answer: str) -> str:
    """What is said of an answer that a worker would run: this site runs nobody's programs."""
    found = score(way, answer, ())
    return told(found.answer) if found.answer else found.why


def page(request: HttpRequest, scene: Scene, form: ScoringForm, trial: list[Tried], status: int = 200) -> HttpResponse:
    missing = scene.items.n - scene.report["with_reference"]
    context = {
        "scene": scene, "form": form, "trial": trial,
        "leave_out": "leave_out" in request.POST, "missing": missing if needs(form) else 0,
        "errors": [error for errors in form.errors.values() for error in errors],
    }  # fmt: skip
    if wants_part(request):  # type: ignore[arg-type]
        return render(request, "workloads/scores.html", context | {"is_part": True})
    return render(request, "workloads/scoring.html", context, status=status)


def needs(form: ScoringForm) -> bool:
    """Whether the way that the form says needs references; unknown while it says none."""
    way = way_of(form.data if form.is_bound else form.initial)
    return way is not None and needs_reference(way)


def default(scene: Scene) -> str:
    """A name to begin with: the file's, without its ending."""
    name = scene.draft.file_name.rpartition("/")[2] if scene.draft else ""
    stem = (name.rpartition(".")[0] or name)[:80].strip()
    return "".join(letter for letter in stem if letter.isprintable())
