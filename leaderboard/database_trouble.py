"""A database that has no room, or is away: whoever asks is told so in words, and with a status that says to come back.

With its disk full PostgreSQL goes on reading and refuses what needs another page (53100). The site is read-only then
(`queries.health`), and tries to write again after a while. Once its log (pg_wal) finds no room it ends, and whoever
starts it again does so in vain until there is some: so long it is away.
"""

import logging
from collections.abc import Callable

import psycopg
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from leaderboard.api.errors import for_programs, problem
from leaderboard.queries import health, site

log = logging.getLogger(__name__)

FULL = "The disk of this site's database is full: this could not be kept, and nothing of it was. Try again later."
AWAY = "The database of this site does not answer. Nothing that was measured is lost. Try again in a minute."
GOING = {"57P01", "57P02", "57P03"}
"""The server is being stopped, has just crashed, or is still starting."""


class DatabaseTrouble:
    """Middleware: 507 or 503 for what a view could not do with such a database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return reply(request, error)


def reply(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The answer to a request that ended with this error; None for any other error."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return None
    if isinstance(error.__cause__, psycopg.errors.DiskFull):
        log.error("The database's disk is full: %s %.300r could not be done.", request.method, request.get_full_path())
        health.note_full_database()
        site.forget()
        return told(request, 507, "disk_full", FULL, wait=health.TRIED_AGAIN_SECONDS)
    if is_away(error):
        log.error("The database is away (%s): %s %.300r", error, request.method, request.get_full_path())
        return told(request, 503, "database_away", AWAY, wait=10)
    return None


def is_away(error: Exception) -> bool:
    """Whether the connection is at fault, and not what was asked over it."""
    cause = error.__cause__
    if isinstance(error, InterfaceError) or isinstance(cause, psycopg.InterfaceError):
        return True
    state = cause.sqlstate if isinstance(cause, psycopg.OperationalError) else ""
    return state is None or state in GOING or state.startswith("08")


def told(request: HttpRequest, status: int, code: str, message: str, *, wait: float) -> HttpResponse:
    """In words, asking the database for nothing."""
    headers = {"Retry-After": str(round(wait))}
    if for_programs(request):
        return problem(status, code, message, headers=headers)
    found = render(None, "database_trouble.html", {"message": message, "status": status}, status=status)
    found.headers["Retry-After"] = headers["Retry-After"]
    return found
