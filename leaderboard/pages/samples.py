"""A task's samples: what the model was asked, what it answered, how that counts."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.requests import page_number
from leaderboard.queries import samples as kept


@require_safe
@readable
def samples(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """`/submissions/1/samples/arc_easy?show=wrong&page=2`."""
    found = kept.page(pk, task, show=request.GET.get("show", "all"), page=page_number(request))
    context = {"found": found, "submission": found.submission, "result": found.result, "most": f":{kept.MOST}"}
    return render(request, "samples/page.html", context)
