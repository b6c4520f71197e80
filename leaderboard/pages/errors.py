"""A refused question as a page: plain words and the right status, never a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from leaderboard.actions.errors import Refused
from leaderboard.queries.errors import BadQuery

View = Callable[..., HttpResponse]


def readable(view: View) -> View:
    """Answer BadQuery and Refused with `problem.html` and their status."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        try:
            return view(request, *arguments, **named)
        except (BadQuery, Refused) as error:
            context = {"message": error.message, "status": error.status, "url": getattr(error, "url", "")}
            reply = render(request, "problem.html", context, status=error.status)
            for name, value in getattr(error, "headers", {}).items():
                reply.headers[name] = value
            return reply

    return guarded
