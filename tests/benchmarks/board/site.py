"""The site as production serves it, with constants of any size beside it: gunicorn tests.benchmarks.board.site.

`/bench/constant/SIZE` passes through the same middleware as every page and does nothing else; `/bench/bare/SIZE` is
answered before Django, by the server alone.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from leaderboard import wsgi

BARE = "/bench/bare/"


@cache
def body(size: int) -> bytes:
    return (b"<p>constant</p>\n" * (size // 16 + 1))[:size]


def constant(request: HttpRequest, size: int) -> HttpResponse:
    return HttpResponse(body(size))


urlpatterns = [path("bench/constant/<int:size>", constant), path("", include("leaderboard.urls"))]
settings.ROOT_URLCONF = __name__


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"].startswith(BARE):
        content = body(int(environ["PATH_INFO"].removeprefix(BARE)))
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(content)))])
        return [content]
    replied: Iterable[bytes] = wsgi.application(environ, start_response)
    return replied
