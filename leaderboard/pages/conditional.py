"""A board that a reader has already need not be sent again: the validator (ETag) of pages that are made from a ranking.

What a board shows to somebody who is not signed in follows from the address, the newest ranking, suite and import, how
long ago the ranking was built (a page says so), and this program. One query finds these; nothing is rendered. So a
process also keeps the last pages that it made, by their validators, for others who ask the same.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers

from leaderboard.packing import THOROUGHLY, packed, put_packed, unpacks
from leaderboard.queries import site
from leaderboard.queries.snapshots import state_of
from leaderboard.release import program
from leaderboard.templatetags.words import ago

KEPT_PAGES = 32
"""Of a process: some hundred kilobytes each."""
View = Callable[..., HttpResponseBase]
SAFE = {"GET", "HEAD"}
MESSAGES = "messages"
"""The cookie with messages that the next page shows."""


@dataclass
class Page:
    """A page as it was made, and packed once somebody could unpack it."""

    content: bytes
    headers: dict[str, str]
    packed: bytes = b""


class Pages:
    """The last pages by their validators; what is taken out is a reply of its own."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, Lock()
        self._pages: OrderedDict[str, Page] = OrderedDict()

    def get(self, tag: str, *, unpacks: bool = False) -> HttpResponse | None:
        """The page with this validator, packed for who `unpacks`: packing it anew takes as long as all the rest."""
        with self._lock:
            found = self._pages.get(tag)
            if found is None:
                return None
            self._pages.move_to_end(tag)
        reply = HttpResponse(found.content, headers=found.headers)
        if unpacks:
            found.packed = found.packed or packed(found.content, THOROUGHLY)
            put_packed(reply, found.packed)
        return reply

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._pages.clear()

    def put(self, tag: str, reply: HttpResponse) -> None:
        """Keep a page that was answered well and sets no cookie."""
        if reply.status_code != 200 or reply.cookies:
            return
        with self._lock:
            self._pages[tag] = Page(reply.content, dict(reply.headers))
            while len(self._pages) > self._size:
                self._pages.popitem(last=False)


PAGES = Pages(KEPT_PAGES)


def personal(request: HttpRequest) -> bool:
    """Whether the answer may be for one reader alone: who is signed in, has a token, or has a message waiting."""
    named = {settings.SESSION_COOKIE_NAME, MESSAGES} & set(request.COOKIES)
    return bool(named) or "Authorization" in request.headers


def tag_of(request: HttpRequest, varying: tuple[str, ...]) -> str | None:
    """The validator of the answer to `request`, or None where there is nothing to show yet.

    `varying` are the headers that choose among answers at the same address.
    """
    state = state_of(request.GET.get("suite", ""))
    if state is None:
        return None
    parts = [
        program(), request.build_absolute_uri(), *(request.headers.get(name, "") for name in varying),
        site.state().banner, state.digest, ago(state.created_at), str(state.suite), str(state.imported),
    ]  # fmt: skip
    return f'"{hashlib.sha256(chr(0).join(parts).encode(errors="surrogatepass")).hexdigest()[:32]}"'


def conditional(*varying: str) -> Callable[[View], View]:
    """For a view of a board: answers 304 to who has it already, and tells everyone else its validator.

    Only answers with status 200 have one, and none that is for one reader alone. Answers vary by cookies and by the
    headers `varying`; whoever keeps one has to ask before it is shown again.
    """

    def decorated(view: View) -> View:
        @wraps(view)
        def answered(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            private = personal(request)
            tag = tag_of(request, varying) if request.method in SAFE and not private else None
            reply: HttpResponseBase | None = None
            if tag and "If-None-Match" in request.headers:
                reply = get_conditional_response(request, etag=tag, response=None)
            if reply is None:
                reply = PAGES.get(tag, unpacks=unpacks(request)) if tag else None
            if reply is None:
                reply = view(request, *arguments, **named)
                if tag and isinstance(reply, HttpResponse):
                    PAGES.put(tag, reply)
            if tag and reply.status_code in {200, 304}:
                reply.headers["ETag"] = f"W/{tag}" if reply.has_header("Content-Encoding") else tag
            if request.method in SAFE:
                patch_cache_control(reply, no_cache=True, **({"private": True} if private else {}))
            if isinstance(reply, HttpResponse):
                patch_vary_headers(reply, ["Accept-Encoding", "Cookie", *varying])
            return reply

        return answered

    return decorated
