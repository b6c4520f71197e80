"""Lists in pages of a cursor: each page says where the next one begins, and rows that come or go shift nothing."""

import base64
import binascii
from typing import Any, ClassVar

import msgspec
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.views import PublicView, whole
from leaderboard.queries.errors import BadQuery

PAGE_SIZE, MAX_PAGE_SIZE = 50, 500
LONGEST = 2_000
PARAMETERS = (
    OpenApiParameter("cursor", str, description="where the page begins, as the last page's `next` says"),
    OpenApiParameter("page_size", int, description=f"1 to {MAX_PAGE_SIZE}; default {PAGE_SIZE}"),
)
Place = list[int | str]


class ListView(PublicView):
    """A list, ordered by one column that is unique, such as "-id"."""

    paged = True
    order: ClassVar[str] = "-id"

    def listed(self, request: Request, rows: QuerySet[Any], **context: Any) -> Response:
        """One page of `rows` in the view's shape."""
        assert self.shape is not None
        size = whole(request, "page_size", PAGE_SIZE, most=MAX_PAGE_SIZE)
        column = self.order.removeprefix("-")
        rows = rows.order_by(self.order)
        if "cursor" in request.query_params:
            [place] = place_of(request.query_params["cursor"], [str if column == "name" else int])
            rows = rows.filter(**{f"{column}__{'lt' if self.order.startswith('-') else 'gt'}": place})
        found = list(rows[: size + 1])
        last = found[size - 1] if len(found) > size else None
        context = {"request": request, **context}
        return Response(
            {
                "next": next_url(request, [getattr(last, column)]) if last is not None else None,
                "results": self.shape(found[:size], many=True, context=context).data,
            }
        )


def page_of(shape: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of a page of such rows, for the schema."""
    name = shape.__name__.removesuffix("Out") + "PageOut"
    fields = {
        "next": serializers.URLField(allow_null=True, help_text="the next page; null on the last one"),
        "results": shape(many=True),
    }
    return type(name, (serializers.Serializer,), fields)


def next_url(request: Request, place: Place) -> str:
    """The address of the page that begins after `place`."""
    query = request.query_params.copy()
    query.pop("page", None)
    query["cursor"] = cursor(place)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def cursor(place: Place) -> str:
    """A place as callers carry it: opaque, and good for as long as what it names is there."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(text: str, kinds: list[type]) -> Place:
    """The place in a cursor, of these kinds; raises BadQuery."""
    wrong = BadQuery("cursor", f"{text[:60]!r} is no cursor of this list: take it from the last page's `next`.")
    if len(text) > LONGEST or not text.isascii():
        raise wrong
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=list)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        raise wrong from None
    if [type(one) for one in found] != kinds or any(not sound(one) for one in found):
        raise wrong
    return found


def sound(one: int | str) -> bool:
    """Whether the database can be asked for it."""
    return "\x00" not in one if isinstance(one, str) else 0 <= one < 2**63
