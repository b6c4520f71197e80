"""Spans of the site: requests, tasks, and the database's part in both. Only where a collector is named."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

from evaluator import tracing
from leaderboard.models import Delivery, Submission
from leaderboard.observed import METHODS, request_id

WORKERS = "/api/worker/"
STATEMENT = re.compile(r'\s*(\w+)(?:.*?(?:FROM|INTO|UPDATE)\s+"?(\w+)"?)?', re.IGNORECASE | re.DOTALL)


class Traced:
    """Middleware: a span for each request. Workers name the span that they call from, and nobody else may: a browser's
    word would let anybody write into anybody's trace. What workers call of themselves, such as heartbeats, has none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not tracing.on():
            return self.get_response(request)
        parent = request.headers.get(tracing.HEADER, "") if request.path.startswith(WORKERS) else ""
        if request.path.startswith(WORKERS) and not parent:
            return self.get_response(request)
        method = request.method if request.method in METHODS else "other"
        about = {"http.request.method": str(method), "parity.request": request_id.get()}
        with tracing.span(str(method), about, parent=parent, kind=tracing.SERVER) as span, queries():
            response = self.get_response(request)
            route = request.resolver_match.view_name if request.resolver_match else "none"
            span.rename(f"{method} {route}")
            span.note({"http.route": route, "http.response.status_code": response.status_code})
            if response.status_code >= 500:
                span.failed(str(response.status_code))
            return response


@contextmanager
def task(name: str, *, submission: int = 0, delivery: int = 0) -> Iterator[None]:
    """A task about a submission, or the delivery of its message, below the request that made the submission."""
    if not tracing.on():
        yield
        return
    if delivery:
        submission = Delivery.objects.filter(pk=delivery).values_list("submission", flat=True).first() or 0
    parent = Submission.everything.filter(pk=submission).values_list("trace", flat=True).first() or ""
    with tracing.span(name, {"parity.submission": submission}, parent=parent), queries():
        yield


def queries() -> Any:
    """Inside, each statement is a span."""
    return connection.execute_wrapper(statement)


def statement(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """One statement: what it does to which table. Its text and its values stay here."""
    found = STATEMENT.match(sql) if isinstance(sql, str) else None
    verb, table = (found[1].upper(), found[2] or "") if found else ("other", "")
    about = {"db.system.name": "postgresql", "db.operation.name": verb, "db.collection.name": table}
    with tracing.span(f"{verb} {table}".strip(), about, kind=tracing.CLIENT):
        return execute(sql, params, many, context)
