"""Whether this process lives and is ready, for those who start and stop it: `/livez`, `/readyz`.

A middleware before all others: a probe comes by an address and over plain HTTP, and is answered when the database is
away too. `leaderboard.queries.health` says what ready means.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from leaderboard.queries import health


class Probes:
    """Middleware: answers the probes, and nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            if request.path == "/livez":
                return HttpResponse("ok\n", content_type="text/plain", headers=NOT_KEPT)
            if request.path == "/readyz":
                return ready()
        return self.get_response(request)


NOT_KEPT = {"Cache-Control": "no-store"}


def ready() -> HttpResponse:
    """200 for ready and degraded, 503 for anything without which no page can be shown; each part with its reason."""
    found = health.readiness()
    told = {"status": found.status, "parts": {part.name: part.trouble or "ok" for part in found.parts}}
    return JsonResponse(told, status=503 if found.status == "down" else 200, headers=NOT_KEPT)
