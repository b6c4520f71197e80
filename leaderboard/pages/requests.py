"""The request as django-htmx's middleware leaves it, and the two answers it can get: a page, or a part of it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from leaderboard.queries.errors import BadQuery


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


def page_number(request: HttpRequest) -> int:
    """`?page=`, 1 unless it is said; raises BadQuery."""
    page = request.GET.get("page", "1")
    if not (page.isascii() and page.isdigit() and len(page) < 10):
        raise BadQuery("page", f"A page is a whole number, not {page[:40]!r}.")
    return int(page)


def position(request: HttpRequest, name: str) -> int:
    """A whole number from 0 in the address, 0 unless it is said; raises BadQuery."""
    value = request.GET.get(name, "") or "0"
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadQuery(name, f"{name.capitalize()} is a whole number, not {value[:40]!r}.")
    return int(value)


def wants_part(request: HtmxRequest) -> bool:
    """Whether htmx asks for a part of the page, not a person for the whole (also by going back)."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def render_page_or_part(request: HtmxRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """Render `part` for htmx, else `page`. Both live at one URL, so the reply says what it depends on.

    Without that a browser that goes back may show the part, from its cache, as if it were the page. Templates find in
    `is_part` which of the two they are rendered for.
    """
    is_part = wants_part(request)
    reply = render(request, part if is_part else page, context | {"is_part": is_part})
    patch_vary_headers(reply, ["HX-Request"])
    return reply
