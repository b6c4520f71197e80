"""The formats in which callers may ask for a table (`leaderboard.tabular` writes them)."""

from typing import Any

import msgspec
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request


class CSV(BaseRenderer):
    """What callers may ask for by name; the reply is written as it is read."""

    media_type = "text/csv"
    format = "csv"
    charset = None

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> bytes:
        assert data is None, "tables are streamed; only a reply without a body comes here"
        return b""


class Parquet(CSV):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class QuickJSON(JSONRenderer):
    """As DRF's, for replies of thousands of numbers: a tenth of its time."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None or self.get_indent(accepted_media_type or "", renderer_context or {}):
            plain: bytes = super().render(data, accepted_media_type, renderer_context)
            return plain
        return msgspec.json.encode(data)


RENDERERS = [JSONRenderer, CSV, Parquet]


def responses(shape: Any) -> dict[Any, Any]:
    """What the schema says of a table: JSON of this shape, or a file."""
    return {
        (200, JSONRenderer.media_type): shape,
        (200, CSV.media_type): OpenApiTypes.STR,
        (200, Parquet.media_type): OpenApiTypes.BINARY,
    }


def wanted(request: Request) -> str:
    """The format that was asked for: "" for JSON."""
    found = str(getattr(request.accepted_renderer, "format", ""))
    return found if found in {CSV.format, Parquet.format} else ""
