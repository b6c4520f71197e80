"""While the site is read-only, people and programs change nothing; the staff does, and workers end what they began."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from leaderboard.api.errors import for_programs, problem
from leaderboard.queries.site import state

READING = frozenset({"GET", "HEAD", "OPTIONS"})
ALWAYS = frozenset({"account_login", "account_logout", "mfa_authenticate"})
"""Forms that work nevertheless: the staff has to get in."""
WORKERS = "/api/worker/"
MESSAGE = "This site is read-only at the moment: nothing can be changed. Try again later."


class ReadOnly:
    """Middleware: 503 in words for what would change something."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        if request.method in READING or request.path.startswith(WORKERS) or not state().read_only:
            return None
        route = request.resolver_match.url_name if request.resolver_match else ""
        if route in ALWAYS or getattr(request.user, "is_staff", False):
            return None
        if for_programs(request):
            return problem(503, "read_only", MESSAGE, headers={"Retry-After": "300"})
        reply = render(request, "problem.html", {"message": MESSAGE, "status": 503}, status=503)
        reply.headers["Retry-After"] = "300"
        return reply


def banner(request: HttpRequest) -> dict[str, object]:
    """Context processor: what stands on every page."""
    found = state()
    return {"banner": found.banner, "read_only": found.read_only}
