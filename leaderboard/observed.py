"""What a web process counts of itself for `/metrics`, and the name that every request gets.

A request's name is `X-Request-ID`: the proxy's where it sent a usable one, else made here. It is in the reply's headers
and in every log line that the request caused. The processes of a site count together (`leaderboard.counting`).
"""

import contextvars
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

USABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 30.0)

LATENCY = Histogram(
    "parity_http_seconds",
    "Seconds from a request to its reply, by route",
    ["route", "method", "status"],
    buckets=SECONDS,
)
REFUSED = Counter("parity_worker_refused", "Calls of workers that were refused, by the reason's code", ["code"])

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")


class Observed:
    """Middleware, the outermost: names the request and times it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if USABLE.fullmatch(given) else uuid.uuid4().hex
        token, started = request_id.set(name), time.perf_counter()
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = name
        route = request.resolver_match.view_name if request.resolver_match else "none"
        method = request.method if request.method in METHODS else "other"
        LATENCY.labels(route, method, response.status_code).observe(time.perf_counter() - started)
        return response


METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
"""A method is anything that a caller writes; each other one would be a series of its own."""
