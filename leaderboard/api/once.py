"""POST requests that may be repeated: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header)."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from evaluator.contract import canonical_json
from leaderboard.actions.keep_reply import kept_once
from leaderboard.api.views import token_of
from leaderboard.queries.errors import BadQuery

HEADER = "Idempotency-Key"
Handler = Callable[..., HttpResponseBase]


def once(handler: Callable[..., Response]) -> Handler:
    """Answer a repetition under the same key with the first reply; without a key nothing is kept."""

    @wraps(handler)
    def guarded(self: Any, request: Request, **named: Any) -> HttpResponseBase:
        if HEADER not in request.headers:
            return handler(self, request, **named)
        key = key_of(request)
        with kept_once(owner=token_of(request).owner, key=key, digest=digest_of(request)) as kept:
            if not kept.fresh:
                headers = {"Idempotency-Replayed": "true", "Cache-Control": "no-store"}
                return HttpResponse(kept.body, "application/json", kept.status, headers=headers)
            response = handler(self, request, **named)
            kept.status, kept.body = response.status_code, JSONRenderer().render(response.data).decode()
        return response

    guarded.once = True  # type: ignore[attr-defined]
    return guarded


def is_once(handler: Any) -> bool:
    return bool(getattr(handler, "once", False))


def key_of(request: Request) -> str:
    """The key, which is any printable ASCII; raises BadQuery."""
    key = str(request.headers[HEADER]).strip()
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise BadQuery(HEADER, f"{HEADER} has 1 to 255 printable ASCII characters, such as a UUID.")
    return key


def digest_of(request: Request) -> str:
    """SHA-256 (hex) of what is asked: method, path and body, however the body is spaced."""
    data = request.data if isinstance(request.data, dict | list) else str(request.data)
    if isinstance(data, QueryDict):
        data = {name: [told(one) for one in values] for name, values in data.lists()}
    return hashlib.sha256(canonical_json([request.method, request.path, data])).hexdigest()


def told(value: Any) -> str:
    """A field of a form as it counts here; of a file its digest."""
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return digest.hexdigest()
