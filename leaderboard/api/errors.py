"""One shape for every error of the public API: a problem of RFC 9457, with a code for programs and words for people.

    {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": message,
     "code": "bad_sort", "message": message, "field": "sort", "url": "/submissions/3"}

`field` and `url` are there where they apply; `detail` and `message` are the same. The worker API has its own, shorter
shape (`body`), which the contract fixes.
"""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.views import exception_handler

from leaderboard.actions.errors import Refused
from leaderboard.queries.errors import BadQuery

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/"
"""Below it errors are for programs, everywhere else for people."""


class NotModified(Exception):
    """The caller has it already; raised before any work is done. `etag` is what it has."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler; None (a 500) for anything that is a bug."""
    if isinstance(error, NotModified):
        return HttpResponse(status=304, headers={"ETag": error.etag})
    if isinstance(error, Refused):
        return problem(error.status, error.code, error.message, field=error.field, url=error.url, headers=error.headers)
    if isinstance(error, BadQuery):
        return problem(error.status, error.code, error.message, field=error.field)
    response = exception_handler(error, context)
    if response is None:
        return None
    headers = dict(response.items())
    if isinstance(error, ValidationError):
        field, message = first_problem(error.detail)
        return problem(400, "invalid", message, field=field, headers=headers)
    if isinstance(error, APIException):
        return problem(response.status_code, str(error.get_codes()), str(error.detail), headers=headers)
    code = "not_found" if response.status_code == 404 else "forbidden"
    return problem(response.status_code, code, str(error) or "Not found.", headers=headers)


def problem(
    status: int, code: str, message: str, *, field: str = "", url: str = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    """The reply that says what is wrong; ASCII, so that what a caller sent can be repeated whatever it was."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": message}
    kept = {name: value for name, value in (headers or {}).items() if name.lower() != "content-type"}
    return HttpResponse(
        json.dumps(told | body(code, message, field, url)), status=status, content_type=MEDIA_TYPE, headers=kept
    )


def for_programs(request: HttpRequest) -> bool:
    """Whether who asks expects a problem, not a page."""
    return request.path.startswith(PREFIX)


def body(code: str, message: str, field: str = "", url: str = "") -> dict[str, str]:
    optional = {"field": field, "url": url}
    return {"code": code, "message": message, **{key: value for key, value in optional.items() if value}}


def first_problem(detail: Any, path: str = "") -> tuple[str, str]:
    """The first field with a problem ("settings.dtype") and what is wrong with it."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        name = "" if name == "non_field_errors" else str(name)
        return first_problem(inner, f"{path}.{name}" if path and name else path or name)
    if isinstance(detail, list):
        return first_problem(detail[0], path)
    return path, str(detail)
