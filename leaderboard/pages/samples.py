"""A task's samples: what the model was asked, what it answered, how that counts; and one item over all models."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.requests import page_number, position
from leaderboard.queries import samples as kept
from leaderboard.queries.one_item import one_item
from leaderboard.queries.sample_filters import wanted


@require_safe
@readable
def samples(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """`/submissions/1/samples/arc_easy?show=wrong&page=2`, `?answered=no&longer=500&q=text&after=40`, `?item=HASH`."""
    found = kept.page(pk, task, wanted=wanted(request.GET), page=page_number(request), after=position(request, "after"))
    context = {"found": found, "submission": found.submission, "result": found.result, "most": f":{kept.MOST}"}
    return render(request, "samples/page.html", context)


@require_safe
@readable
def item(request: HttpRequest, task: str, item: str) -> HttpResponse:
    """`/items/arc_easy/HASH`: who solves it."""
    return render(request, "samples/across.html", {"found": one_item(task, item)})
