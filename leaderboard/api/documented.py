"""What the schema says of every operation, because `PublicView` does it for all of them, and its examples."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from leaderboard.api import examples
from leaderboard.api.errors import MEDIA_TYPE
from leaderboard.api.once import HEADER, is_once
from leaderboard.api.paging import ListView
from leaderboard.api.shapes import ProblemOut
from leaderboard.api.views import PublicView

ALWAYS = {
    "400": "The request does not make sense; `field` says which part.",
    "401": "The token is wrong or missing.",
    "404": "There is no such thing, or it is not yours.",
    "406": "No such format.",
    "429": "Too often; `Retry-After` says when again.",
}
TOO_LONG = {
    "description": "The address has more than 4,094 bytes; whoever serves the site says so before it is asked.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
WRITES = {"409": "It contradicts what is already so.", "415": "The body is not JSON."}


class Documented(AutoSchema):
    """Adds to each operation what `PublicView` does for all of them."""

    def get_override_parameters(self) -> list[Any]:
        if not isinstance(self.view, PublicView):
            return []
        handler = getattr(self.view, self.method.lower(), None)
        once = OpenApiParameter(
            HEADER, str, OpenApiParameter.HEADER, description="any text, new for each request: makes a repetition safe"
        )
        return [*self.view.taken(self.method), *([once] if is_once(handler) else [])]

    def get_operation_id(self) -> str:
        name = str(super().get_operation_id())
        return (
            name.removesuffix("retrieve") + "list" if isinstance(self.view, ListView) and self.method == "GET" else name
        )

    def get_examples(self) -> list[OpenApiExample]:
        return examples.of(self.get_operation_id())

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        refused = self.resolve_serializer(ProblemOut, direction).ref
        words = ALWAYS | (WRITES if self.method not in {"GET", "DELETE"} else {})
        if any(one.name == "cursor" for one in self.get_override_parameters()):
            words = words | {"410": "The ranking that the cursor walks is not kept any more."}
        for code in {*words, *(code for code in found if code >= "400")}:
            found[code] = {
                "description": words.get(code) or found[code].get("description", ""),
                "content": {MEDIA_TYPE: {"schema": refused, "examples": examples.problem(code)}},
            }
        found["414"] = TOO_LONG
        if self.method == "GET":
            found["304"] = {"description": "You have the newest reply already (`If-None-Match`)."}
        return dict(sorted(found.items()))
