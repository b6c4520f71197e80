"""`/workloads/new`: a file or pasted text, read as it comes; what cannot be read is told with its line and field."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from leaderboard.actions.errors import Refused
from leaderboard.actions.workload_drafts import hold_draft
from leaderboard.models import Owner, Workload
from leaderboard.pages.private import private, reader_of
from leaderboard.pages.submit import owner_of
from leaderboard.queries import workloads as queries
from leaderboard.queries.errors import BadQuery
from leaderboard.uploads import TOO_LARGE, LimitedUpload, file_of, limited
from leaderboard.workloads.formats import NAMES
from leaderboard.workloads.records import MOST_BYTES, MOST_ITEMS, Problem
from leaderboard.workloads.upload import Upload

PASTED = 2_000_000
"""Characters of pasted text; more is a file."""
STEPS = "application/x-ndjson"
"""What a script asks for that shows how far the reading is: a line for each step, the last one says how it ended."""


@dataclass
class Sent:
    """What somebody uploads, and for which workload (None: a new one)."""

    source: IO[bytes]
    size: int
    upload: Upload
    workload: int | None


@private
@csrf_exempt
def new(request: HttpRequest) -> HttpResponseBase:
    """The form, and with POST the upload. The limit on files has to be set before the form's token is looked for."""
    return form(request, limited(request))


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, handler: LimitedUpload) -> HttpResponseBase:
    asked = (request.POST if request.method == "POST" else request.GET).get("to", "")
    workload = workload_of(reader_of(request), asked)
    if request.method != "POST":
        return page(request, workload)
    try:
        sent = sent_by(request, handler, workload)
    except Refused as error:
        return refused(request, workload, [Problem(0, "", error.code, error.message)])
    owner = owner_of(request)
    if STEPS in request.headers.get("Accept", ""):
        told = StreamingHttpResponse(steps(request, owner, sent), content_type=STEPS)
        told.headers["Content-Encoding"] = "identity"  # packed, steps would come when all is over
        return told
    sent.upload.read()
    problems = problems_of(sent)
    return refused(request, workload, problems) if problems else redirect(held(owner, sent))


def workload_of(owner: Owner | None, asked: str) -> Workload | None:
    """Whose next version is uploaded, None for a new workload; raises BadQuery, Missing."""
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise BadQuery("to", f"A workload is a number, not {asked[:40]!r}.")
    return queries.versions(owner, int(asked))[0].workload


def sent_by(request: HttpRequest, handler: LimitedUpload, workload: Workload | None) -> Sent:
    """The file, or the text; raises Refused for none, both, or too much."""
    if handler.over:
        raise Refused("too_large", TOO_LARGE, field="file")
    file, text = file_of(request, "file"), request.POST.get("text", "")
    if file is None and not text.strip():
        raise Refused("empty", "Choose a file, or paste some lines.", field="file")
    if file is not None and text.strip():
        raise Refused("both", "Choose a file or paste lines, not both.", field="file")
    if len(text) > PASTED:
        raise Refused("too_large", f"More than {PASTED:,} characters are pasted. Upload them as a file.", field="text")
    said = request.POST.get("form", "")
    key = None if workload is None else workload.pk
    if file is None:
        body = text.replace("\r\n", "\n").encode("utf-8", "replace")
        return Sent(io.BytesIO(body), len(body), Upload(io.BytesIO(body), form=said if said in NAMES else ""), key)
    source = file.file
    assert source is not None
    upload = Upload(source, name=file.name or "", form=said if said in NAMES else "")
    return Sent(source, file.size or 0, upload, key)


def problems_of(sent: Sent) -> list[Problem]:
    """What keeps an upload from being looked at any further."""
    report = sent.upload.report
    return [] if report.good or report.mendable else report.problems


def held(owner: Owner, sent: Sent) -> str:
    """Hold it; returns the address of the page to look at it."""
    sent.source.seek(0)
    made = hold_draft(owner=owner, workload=sent.workload, source=sent.source, size=sent.size, upload=sent.upload)
    return reverse("workload-draft", args=[made.pk])


def steps(request: HttpRequest, owner: Owner, sent: Sent) -> Iterator[bytes]:
    """JSON lines: how far the reading is, and at the end where to go on, or what is wrong, as a part of the page."""
    for done, items in sent.upload:
        yield line({"bytes": done, "items": items, "size": sent.size})
    problems = problems_of(sent)
    if problems:
        yield line({"refused": render_to_string("workloads/problems.html", {"problems": problems}, request)})
    else:
        yield line({"go": held(owner, sent)})


def line(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def refused(request: HttpRequest, workload: Workload | None, problems: list[Problem]) -> HttpResponseBase:
    """The form again, with what is wrong; for a script, that alone."""
    if STEPS in request.headers.get("Accept", ""):
        part = render_to_string("workloads/problems.html", {"problems": problems}, request)
        return HttpResponse(line({"refused": part}), content_type=STEPS, status=400)
    return page(request, workload, problems, status=400)


def page(
    request: HttpRequest, workload: Workload | None, problems: list[Problem] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "workload": workload, "problems": problems, "forms": NAMES, "form": request.POST.get("form", ""),
        "text": request.POST.get("text", "")[:PASTED], "most": MOST_BYTES, "most_items": MOST_ITEMS,
        "megabytes": MOST_BYTES // 2**20,
    }  # fmt: skip
    return render(request, "workloads/new.html", context, status=status)
