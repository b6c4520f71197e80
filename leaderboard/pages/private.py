"""Pages that are for whoever is logged in, of what is theirs: others' things are not there, and no cache keeps any."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import cache_control

from leaderboard.models import Membership, Owner
from leaderboard.pages.errors import readable
from leaderboard.queries.membership import Acting, acting_for

View = Callable[..., HttpResponseBase]
ACTING = "acting"
"""In a session: the number of the organisation that its person acts for, and"""
ACTING_NAME = "acting_name"
"""its name, for the head of every page."""


def private(view: View) -> View:
    """Log in first; refusals are pages; and `Cache-Control: private, no-store` is on every answer, also on those."""
    guarded: View = cache_control(private=True, no_store=True)(login_required(readable(view)))
    return guarded


def acting(request: HttpRequest) -> Acting | None:
    """For whom a reader acts: for themselves unless they chose an organisation, and still belong to it; None for who
    is not logged in or owns nothing yet. Looked up with every request: who was removed is out at once."""
    if isinstance(request.user, AnonymousUser):
        return None
    chosen = request.session.get(ACTING)
    found = acting_for(request.user, chosen) if isinstance(chosen, int) else None
    if found is not None:
        return found
    owner: Any = getattr(request.user, "owner", None)
    return Acting(owner, Membership.Role.OWNER) if isinstance(owner, Owner) else None


def reader_of(request: HttpRequest) -> Owner | None:
    """Whose things are shown; None for an account that owns nothing yet (reading makes no row for it)."""
    found = acting(request)
    return found.owner if found else None


def writer_of(request: HttpRequest) -> Owner | None:
    """Whose things may be changed: nobody's for who only reads in an organisation."""
    found = acting(request)
    return found.owner if found and found.writes else None
