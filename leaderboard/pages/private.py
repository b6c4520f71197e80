"""Pages that are for whoever is logged in, of what is theirs: others' things are not there, and no cache keeps any."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import cache_control

from leaderboard.models import Owner
from leaderboard.pages.errors import readable

View = Callable[..., HttpResponseBase]


def private(view: View) -> View:
    """Log in first; refusals are pages; and `Cache-Control: private, no-store` is on every answer, also on those."""
    guarded: View = cache_control(private=True, no_store=True)(login_required(readable(view)))
    return guarded


def reader_of(request: HttpRequest) -> Owner | None:
    """Whose things are shown; None for an account that owns nothing yet (reading makes no row for it)."""
    owner: Any = getattr(request.user, "owner", None)
    return owner if isinstance(owner, Owner) else None
