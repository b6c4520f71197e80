"""What the staff says on every page, remembered for a moment: every page asks."""

import time
from dataclasses import dataclass

from django.conf import settings as site

from leaderboard.models import SiteState
from leaderboard.queries import health

FULL = "The disk of this site is full. Until there is room again nothing can be submitted or changed."

_known: tuple[float, "State"] | None = None


@dataclass(frozen=True)
class State:
    """The banner ("" for none), and whether people and programs may change nothing."""

    banner: str = ""
    read_only: bool = False


def state() -> State:
    """As it was at most `SITE_STATE_SECONDS` ago in this process. 1 query then, else none. A full disk makes a site
    read-only by itself, and open again once there is room."""
    global _known
    now = time.monotonic()
    if _known is not None and now - _known[0] < site.SITE_STATE_SECONDS:
        return _known[1]
    row = SiteState.objects.filter(pk=SiteState.ONLY).first()
    found = State(row.banner, row.read_only) if row else State()
    if health.full():
        found = State(FULL, read_only=True)
    _known = (now, found)
    return found


def forget() -> None:
    """Ask anew: the staff has just changed it in this process."""
    global _known
    _known = None
