"""A refused question as a page: plain words and the right status, never a traceback. Below /api/ it is a problem."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views import defaults

from leaderboard.actions.errors import Refused
from leaderboard.api.errors import for_programs, problem
from leaderboard.database_trouble import reply
from leaderboard.queries.errors import BadQuery

Reply = TypeVar("Reply", bound=HttpResponseBase)


def readable(view: Callable[..., Reply]) -> Callable[..., Reply | HttpResponse]:
    """Answer BadQuery and Refused with `problem.html` and their status."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> Reply | HttpResponse:
        try:
            return view(request, *arguments, **named)
        except (BadQuery, Refused) as error:
            context = {"message": error.message, "status": error.status, "url": getattr(error, "url", "")}
            found = render(request, "problem.html", context, status=error.status)
            for name, value in getattr(error, "headers", {}).items():
                found.headers[name] = value
            return found

    return guarded


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before any view: a wrong host, a broken form."""
    if for_programs(request):
        return problem(400, "bad_request", "The request is malformed, or asks for a host that this site is not.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_programs(request):
        return problem(403, "forbidden", "This is not yours to do.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_programs(request):
        return problem(404, "not_found", "There is no such route; the reference is at /api/docs.")
    return defaults.page_not_found(request, exception)


def broken(request: HttpRequest) -> HttpResponse:
    """A bug, whose details are in the site's log; or a database that failed outside of any view."""
    if (trouble := reply(request, sys.exc_info()[1])) is not None:
        return trouble
    if for_programs(request):
        return problem(500, "broken", "Something broke on our side. It is in the site's log; try again later.")
    return defaults.server_error(request)
