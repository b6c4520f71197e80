"""How long the site's web requests may make the database work on one statement.

Reading is bounded by the connection itself (`leaderboard.wsgi`, settings): no question that anybody may ask is worth
more than two seconds. Writing may have to wait for others' locks, so it gets longer. Who asked is told so in words.
"""

import logging
from collections.abc import Callable

import psycopg
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

log = logging.getLogger(__name__)

READING = {"GET", "HEAD", "OPTIONS"}
MESSAGE = "This took longer than a question may. Ask for less at once, or try again in a minute."


class StatementTimeout:
    """Middleware: more time for who writes, and 503 in words for a statement that was cut off."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.WEB_STATEMENT_MS or request.method in READING:
            return self.get_response(request)
        set_timeout(settings.WEB_WRITE_STATEMENT_MS)
        try:
            return self.get_response(request)
        finally:
            if connection.connection is not None and connection.is_usable():
                set_timeout(settings.WEB_STATEMENT_MS)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer where the database gave up on a statement."""
        if not (isinstance(error, OperationalError) and isinstance(error.__cause__, psycopg.errors.QueryCanceled)):
            return None
        log.warning("A statement took too long for %s %.300r", request.method, request.get_full_path())
        if request.path.startswith("/api/"):
            return JsonResponse({"code": "too_slow", "message": MESSAGE}, status=503)
        return render(request, "problem.html", {"message": MESSAGE, "status": 503}, status=503)


def set_timeout(milliseconds: int) -> None:
    """For this connection's statements from now on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(milliseconds)])
