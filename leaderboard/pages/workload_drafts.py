"""`/workloads/drafts/1`: an upload before it is kept. Which column is what, the first items, what was noticed."""

from collections import Counter
from collections.abc import Mapping as Fields
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from leaderboard.actions.errors import Refused
from leaderboard.actions.workload_drafts import forget_draft, keep_draft, remap_draft
from leaderboard.models import WorkloadDraft
from leaderboard.models.workloads import DRAFT_LIFE
from leaderboard.pages.private import private, reader_of
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.pages.workload_scoring import Scene, scoring_page
from leaderboard.queries import workloads as queries
from leaderboard.workloads.formats import NAMES
from leaderboard.workloads.packed import unpacked
from leaderboard.workloads.records import TEXT, Mapping
from leaderboard.workloads.upload import Upload

ROLES = {
    "": "not used", "prompt": "Prompt", "messages": "Conversation (messages)", "system_field": "System prompt",
    "reference": "Reference: the right answer", "production": "Output: today’s answer", "tags": "Tags", "key": "Id",
    "choices": "Choices", "settings": "Settings",
}  # fmt: skip
SHOWN_COLUMNS = 100
FEW = 5


@private
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: HttpRequest, pk: int) -> HttpResponse:
    """The upload as it is read; POST reads it again with other columns, or masked, and shows that. Where nothing is
    other than before, `do=on` goes on."""
    found = queries.draft(reader_of(request), pk)
    if request.method != "POST":
        return page(request, found)
    try:
        mapping = mapping_of(request.POST, found.report)
    except Refused as error:
        return page(request, found, error.message, status=400)
    before = (found.report["mapping"], found.mask)
    if found.items and request.POST.get("do") == "on":
        if (mapping.said(), "mask" in request.POST) == before:
            return redirect("workload-draft-scoring", pk=pk)
        messages.info(request, "This is how it reads now.")
    upload = Upload(
        unpacked(queries.draft_bytes(found)), name=found.file_name, form=found.form, mapping=mapping,
        mask="mask" in request.POST,
    ).read()  # fmt: skip
    remap_draft(owner=owner_of(request), draft=pk, upload=upload)
    return redirect("workload-draft", pk=pk)


def roles_of(report: dict[str, Any]) -> dict[str, str]:
    """What each column that is used is taken for."""
    return {column: role for role, column in report["mapping"].items() if role not in {"template", "system"}}


def mapping_of(posted: Fields[str, str], report: dict[str, Any]) -> Mapping:
    """Which column is what, as it was chosen; raises Refused where two are the same, or no prompt is there. Columns
    that the page does not list are what they were."""
    columns, before = report["columns"], roles_of(report)
    chosen = {place: before.get(name, "") if place >= SHOWN_COLUMNS else posted.get(f"column-{place}", "")
              for place, name in enumerate(columns)}  # fmt: skip
    roles = {place: role for place, role in chosen.items() if role in ROLES and role}
    twice = [role for role, count in Counter(roles.values()).items() if count > 1]
    if twice:
        raise Refused("twice", f"Two columns are chosen as “{ROLES[twice[0]]}”. Choose one.")
    found = {role: columns[place] for place, role in roles.items()}
    template, system = (posted.get(name, "").replace("\r\n", "\n").strip() for name in ("template", "system"))
    if len(template) > TEXT or len(system) > TEXT or "\x00" in template + system:
        raise Refused("long_text", f"A text has at most {TEXT:,} characters, and no NUL.")
    if not (template or "prompt" in found or "messages" in found):
        raise Refused("no_prompt_field", "Choose the column that is the prompt, or the conversation.")
    return Mapping(**found, template=template, system=system)


def page(request: HttpRequest, found: WorkloadDraft, refusal: str = "", status: int = 200) -> HttpResponse:
    report = found.report
    role_of = roles_of(report)
    posted = request.POST if refusal else {}
    columns = [
        {"place": place, "name": name, "sample": report["samples"].get(name, ""), "count": report["fields"].get(name),
         "role": posted.get(f"column-{place}", role_of.get(name, ""))}
        for place, name in enumerate(report["columns"][:SHOWN_COLUMNS])
    ]  # fmt: skip
    context = {
        "draft": found, "report": report, "form": NAMES.get(found.form, found.form), "roles": ROLES, "columns": columns,
        "unlisted": len(report["columns"]) - len(columns), "warnings": warnings(report), "refusal": refusal,
        "template": posted.get("template", report["mapping"].get("template", "")),
        "system": posted.get("system", report["mapping"].get("system", "")),
        "until": found.created_at + DRAFT_LIFE,
    }  # fmt: skip
    return render(request, "workloads/draft.html", context, status=status)


KINDS = {
    "duplicate": ("say", "the same as another", "Asked twice, an item counts twice."),
    "near_duplicate": ("say", "nearly the same as another", "Many of a kind make a difference look surer than it is."),
    "e-mail": ("hold", "what looks like an e-mail address", ""),
    "phone": ("hold", "what looks like a phone number", ""),
    "key": ("hold", "what looks like a key", ""),
}
PERSONAL = ("e-mail", "phone", "key")


def warnings(report: dict[str, Any]) -> dict[str, Any]:
    """Notes by their kind, each with its first lines."""
    noted = [
        {"code": code, "count": report["counts"][code], "verb": verb, "words": words, "why": why,
         "lines": [one for one in report["notes"] if one["code"] == code][:FEW]}
        for code, (verb, words, why) in KINDS.items() if report["counts"].get(code)
    ]  # fmt: skip
    return {
        "likeness": [one for one in noted if one["code"] not in PERSONAL],
        "personal": [one for one in noted if one["code"] in PERSONAL],
        "unused": [one["field"] for one in report["notes"] if one["code"] == "unused"],
    }


@private
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget it now."""
    forget_draft(owner=owner_of(request), draft=pk)
    messages.success(request, "The upload is forgotten; nothing of it was kept.")
    return redirect("workloads")


@private
@require_http_methods(["GET", "HEAD", "POST"])
def scoring(request: HttpRequest, pk: int) -> HttpResponse:
    """How it is scored, tried on five items; with that it is kept."""
    found = queries.draft(reader_of(request), pk)
    if found.items is None:
        return redirect("workload-draft", pk=pk)
    newest = queries.versions(found.owner, found.workload_id)[0] if found.workload_id else None

    def keep(scoring: dict[str, Any], name: str, leave_out: bool) -> int:
        return keep_draft(
            owner=owner_of(request), maker=user_of(request), draft=pk, name=name, scoring=scoring, leave_out=leave_out
        ).workload_id

    scene = Scene(
        items=found.items, excluded=(), report=found.report, scoring=newest.scoring if newest else None, keep=keep,
        workload=found.workload, draft=found,
    )  # fmt: skip
    return scoring_page(request, scene)
