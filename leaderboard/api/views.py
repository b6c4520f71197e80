"""What all routes of the public API have in common, so that each of them says only what is its own."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers, set_response_etag
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ListSerializer
from rest_framework.views import APIView

from leaderboard import throttles
from leaderboard.actions.errors import TooMany
from leaderboard.api.errors import NotModified
from leaderboard.models import ApiToken
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.release import program
from leaderboard.throttles import Count, Standing

READS = ("GET", "HEAD")
EXPOSED = "ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, Idempotency-Replayed, Content-Disposition"
FIELDS = OpenApiParameter("fields", str, description="only these members, separated by commas: id,state,score")
FORMAT = "format"
NAMES = ("suite", "task", "model", "base")
"""Parameters that name a thing: one that cannot be is 404, as any that is not there."""


class PublicView(APIView):
    """A route: who asks too often is refused, unknown parameters are refused by name, `fields=` chooses members, and a
    caller who has the newest reply already is told so."""

    parameters: ClassVar[Sequence[OpenApiParameter]] = ()
    """What GET takes in its query string, beside `fields` where there is a `shape`."""
    shape: ClassVar[type[BaseSerializer[Any]] | None] = None
    """Of what GET returns, or of each of its results: `fields=` chooses from its members."""
    paged: ClassVar[bool] = False
    """GET returns objects of the shape as `results`."""
    act: ClassVar[str] = "manage"
    """The scope that a token needs for what writes."""
    scopes: ClassVar[dict[str, str]] = {}
    """By method, the allowance that a call counts for beside the general one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.standings: list[Standing] = []
        self.chosen: list[str] = []
        self.etag = ""

    @classmethod
    def taken(cls, method: str) -> list[OpenApiParameter]:
        """The query parameters of a method."""
        if method not in READS:
            return []
        return [*cls.parameters, *([FIELDS] if cls.shape else [])]

    def validator(self, request: Request, **named: Any) -> str | None:
        """What the reply depends on beside the address, found with next to no work; None: only the reply itself."""
        return None

    # In the order of a request.

    def perform_authentication(self, request: Request) -> None:
        """Wrong tokens count for the address that sends them."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            self.count(Count("address", throttles.address(request)))
            raise

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        token = request.auth
        if isinstance(token, ApiToken) and request.method not in SAFE_METHODS and self.act not in token.scopes:
            raise PermissionDenied(f"This token may not {self.act}: it was made without that scope.")

    def check_throttles(self, request: Request) -> None:
        token = request.auth
        who = f"token {token.pk}" if isinstance(token, ApiToken) else throttles.address(request)
        counts = [Count("api" if isinstance(token, ApiToken) else "address", who)]
        scope = self.scope_of(request)
        if scope:
            counts.append(Count(scope, f"owner {token.owner_id}" if isinstance(token, ApiToken) else who))
        self.count(*counts)

    def scope_of(self, request: Request) -> str:
        """A second allowance that this request counts for, or ""."""
        return self.scopes.get(str(request.method), "")

    def count(self, *counts: Count) -> None:
        """Raise TooMany (429) for who has asked too often."""
        found = throttles.take(*counts)
        self.standings += found
        for standing in found:
            if standing.exceeded:
                raise TooMany("too_many_requests", standing.message, retry_after=standing.reset)

    def initial(self, request: Request, *arguments: Any, **named: Any) -> None:
        super().initial(request, *arguments, **named)
        for name, value in named.items():
            if isinstance(value, str) and "\x00" in value:
                raise Missing(name, f"There is nothing with a NUL in its {name}.")
        if request.method != "OPTIONS":  # a preflight has the query of what it asks for
            self.check_query(request)
        if request.method in READS:
            self.check_etag(request, **named)

    def check_query(self, request: Request) -> None:
        """Raise BadQuery for a parameter that this route does not have: a typing error would go unnoticed."""
        known = [one.name for one in self.taken(str(request.method))]
        several = {one.name for one in self.taken(str(request.method)) if one.many}
        if len(self.renderer_classes) > 1:
            known.append(FORMAT)
        for name, values in request.query_params.lists():
            if name not in known:
                listed = ", ".join(sorted(known)) or "none"
                raise BadQuery("query", f"There is no parameter {name[:60]!r} here. Parameters: {listed}.")
            if len(values) > 1 and name not in several:
                raise BadQuery(name, f"{name} is given {len(values)} times; it is taken once.")
            if any("\x00" in value for value in values):
                refusal = Missing if name in NAMES else BadQuery
                raise refusal(name, f"There is nothing with a NUL in its {name}.")
        for one in self.taken(str(request.method)):
            if one.required and not request.query_params.get(one.name, "").strip():
                raise BadQuery(one.name, f"{one.name} is needed: {one.description}.")
        if self.shape is not None and FIELDS.name in request.query_params:
            self.chosen = chosen(request.query_params[FIELDS.name], list(members(self.shape)))

    def check_etag(self, request: Request, **named: Any) -> None:
        """Raise NotModified where the validator says so."""
        validator = self.validator(request, **named)
        if validator is None:
            return
        accepted = getattr(request.accepted_renderer, "format", "")
        spelled = json.dumps([program(), validator, request.get_full_path(), request.get_host(), accepted])
        self.etag = f'W/"{hashlib.sha256(spelled.encode()).hexdigest()[:32]}"'
        given = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
        if self.etag in given or given == ["*"]:
            raise NotModified(self.etag)

    def finalize_response(self, request: Request, response: Any, *arguments: Any, **named: Any) -> Any:
        if self.chosen and isinstance(response, Response) and response.status_code == 200:
            response.data = self.only(response.data)
        response = super().finalize_response(request, response, *arguments, **named)
        for name, value in throttles.headers(self.standings).items():
            response.headers.setdefault(name, value)
        if request.method in READS:
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Expose-Headers"] = EXPOSED
            patch_vary_headers(response, ["Accept", "Authorization"])
            shared = "private" if "Authorization" in request.headers else "public"
            response.headers.setdefault("Cache-Control", f"{shared}, no-cache")
        if request.method == "GET" and response.status_code == 200:
            self.tag(request, response)
        return response

    def only(self, data: Any) -> dict[str, Any]:
        """The chosen members of an object, or of each object in its page."""
        if self.paged:
            return {**data, "results": [{name: row[name] for name in self.chosen} for row in data["results"]]}
        return {name: data[name] for name in self.chosen}

    def tag(self, request: Request, response: HttpResponseBase) -> None:
        """Give the reply its ETag: the validator's, or else one made of what was rendered."""
        if self.etag:
            response["ETag"] = self.etag
        elif isinstance(response, Response):
            django_request: HttpRequest = request._request
            response.add_post_render_callback(lambda rendered: conditional(django_request, rendered))

    def options(self, request: Any, *arguments: Any, **named: Any) -> Response:
        """What other sites' pages may do here: read. Browsers ask this before they send a header of ours."""
        return Response(
            status=204,
            headers={
                "Allow": ", ".join(self.allowed_methods),
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
                "Access-Control-Allow-Headers": "Accept, Authorization, If-None-Match",
                "Access-Control-Max-Age": "86400",
            },
        )


def conditional(request: HttpRequest, response: Any) -> Any:
    """The rendered reply, or 304 for a caller who has it."""
    set_response_etag(response)
    return get_conditional_response(request, etag=response["ETag"], response=response)


def token_of(request: Request) -> ApiToken:
    """The token that acts; raises NotAuthenticated (401)."""
    if not isinstance(request.auth, ApiToken):
        raise NotAuthenticated("Send an API token: Authorization: Bearer parity_...")
    return request.auth


def whole(request: Request, name: str, default: int, *, most: int, least: int = 1) -> int:
    """A whole number from the query string; raises BadQuery."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise BadQuery(name, f"{name} is a whole number from {least} to {most}, not {text[:40]!r}.")
    return int(text)


def members(shape: type[BaseSerializer[Any]]) -> Sequence[str]:
    """The names that a shape has."""
    made = shape()
    inner = made.child if isinstance(made, ListSerializer) else made
    return list(getattr(inner, "fields", ()))


def chosen(text: str, known: list[str]) -> list[str]:
    """The members that `fields=` names; raises BadQuery for one that is not there."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise BadQuery("fields", f"There is no field {name[:60]!r}. Fields: {', '.join(known)}.")
    if not names:
        raise BadQuery("fields", f"fields names some of {', '.join(known)}.")
    return names
