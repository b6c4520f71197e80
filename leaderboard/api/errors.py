"""One shape for every error of the public API: {"code", "message", "field", "url"}, the last two where they apply."""

from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from leaderboard.actions.errors import Refused
from leaderboard.queries.errors import BadQuery


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; None (a 500) for anything that is a bug."""
    if isinstance(error, Refused):
        reply = body(error.code, error.message, error.field, error.url)
        return Response(reply, status=error.status, headers=error.headers)
    if isinstance(error, BadQuery):
        return Response(body(error.code, error.message, error.field), status=error.status)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError):
        field, message = first_problem(error.detail)
        response.data = body("invalid", message, field)
    elif isinstance(error, APIException):
        response.data = body(str(error.get_codes()), str(error.detail))
    else:
        response.data = body("not_found" if response.status_code == 404 else "forbidden", str(error) or "Not found.")
    return response


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
