"""End sessions."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction

from leaderboard.actions.errors import NotFound
from leaderboard.models import User


@transaction.atomic
def end_sessions(*, user: User, session: str = "", current: str = "") -> int:
    """End the session numbered `session` of `user`'s, or all but the one with the key `current` where none is named;
    returns how many. Raises NotFound, also for somebody else's.

    A session is gone with its row: the next request of that browser is nobody's.
    """
    rows = UserSession.objects.select_for_update().filter(user=user)
    if session:
        number = int(session) if session.isascii() and session.isdigit() and len(session) < 18 else 0
        rows = rows.filter(id=number)
    else:
        rows = rows.exclude(session_key=current)
    keys = list(rows.values_list("session_key", flat=True))
    if session and not keys:
        raise NotFound("unknown_session", "You have no such session; it may have ended by itself.")
    Session.objects.filter(pk__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)
