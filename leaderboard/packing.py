"""Replies packed with gzip, quickly; a page that is kept is packed once.

Django's own middleware packs at level 6, which takes 2 ms for a board's first page; level 2 takes 0.7 ms and makes it
a fifth larger. As there, a name of random length in each packed reply hides how well a secret in it packs together with
what somebody else put into the page (the BREACH attack).
"""

import secrets
from gzip import GzipFile
from io import BytesIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.cache import patch_vary_headers

QUICKLY, THOROUGHLY, PADDING = 2, 6, 100
SMALL = 200
"""Bytes: a shorter reply is not packed."""
DENSE = {"application/vnd.apache.parquet", "application/gzip"}
"""Media types that are packed inside: again would cost seconds and win nothing."""


class Packing(GZipMiddleware):
    """Packs what is worth it for who can unpack it; what is streamed, as Django's does."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Type") in DENSE or response.has_header("Content-Encoding"):
            return response
        if not isinstance(response, HttpResponse):
            streamed: HttpResponseBase = super().process_response(request, response)
            return streamed
        if len(response.content) < SMALL:
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        if unpacks(request):
            put_packed(response, packed(response.content))
        return response


def unpacks(request: HttpRequest) -> bool:
    """Whether who asks takes packed replies."""
    return bool(re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", "")))


def packed(content: bytes, level: int = QUICKLY) -> bytes:
    """As a gzip file."""
    sink = BytesIO()
    padding = "a" * secrets.randbelow(PADDING)
    with GzipFile(filename=padding, mode="wb", compresslevel=level, fileobj=sink, mtime=0) as file:
        file.write(content)
    return sink.getvalue()


def put_packed(response: HttpResponse, content: bytes) -> None:
    """Make this the content of a reply, unless it is longer. A validator is weak then: it is not of these bytes."""
    if len(content) >= len(response.content):
        return
    response.content = content
    response.headers["Content-Length"] = str(len(content))
    response.headers["Content-Encoding"] = "gzip"
    tag = response.headers.get("ETag", "")
    if tag.startswith('"'):
        response.headers["ETag"] = f"W/{tag}"
