"""API tokens as people make and end them; `actions.accounts.create_api_token` is for operators."""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from leaderboard import last_used
from leaderboard.actions.accounts import create_api_token
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.models import ApiToken, Audit, Owner, User
from leaderboard.models.accounts import everything

MOST = 20
"""Tokens of an owner that work at the same time."""
DAYS = (7, 30, 90, 365)
NAME = 60


@transaction.atomic
def make_api_token(*, owner: Owner, user: User, name: str, scopes: list[str], days: int) -> str:
    """A new token of `owner`'s, returned this once; raises Refused for what it cannot be, Conflict for one too many."""
    name = name.strip()
    if not name or len(name) > NAME or not name.isprintable():
        raise Refused("bad_name", f"A name has 1 to {NAME} printable characters: what the token is for.", field="name")
    if not set(scopes) <= set(everything()):
        raise Refused("bad_scopes", f"Scopes are {' and '.join(everything())}.", field="scopes")
    if days not in DAYS:
        raise Refused("bad_days", f"A token lives {', '.join(map(str, DAYS))} days.", field="days")
    Owner.objects.select_for_update().get(pk=owner.pk)
    if working(owner).count() >= MOST:
        raise Conflict("too_many_tokens", f"{owner} has {MOST} tokens that work. Revoke one first.", field="name")
    token = create_api_token(owner=owner, user=user, name=name, lifetime=timedelta(days=days), scopes=scopes)
    note(user, "make_token", owner, f"{name}: reads{''.join(f', {one}s' for one in sorted(scopes))}, {days} days")
    return token


@transaction.atomic
def end_api_token(*, owner: Owner, user: User, token: int) -> None:
    """Revoke a token of `owner`'s; raises NotFound, also for others' and for one that was revoked."""
    row = ApiToken.objects.select_for_update().filter(pk=token, owner=owner, revoked_at=None).first()
    if row is None:
        raise NotFound("unknown_token", f"{owner} has no token {token} that works.")
    ApiToken.objects.filter(pk=row.pk).update(revoked_at=Now())
    note(user, "revoke_token", owner, row.name)


def working(owner: Owner) -> QuerySet[ApiToken]:
    """Tokens of an owner that are neither revoked nor over."""
    return ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), owner=owner, revoked_at=None)


@transaction.atomic
def keep_last_used() -> int:
    """Write down when tokens were used last, as it was noted with their calls; returns how many had been used anew."""
    noted = last_used.taken()
    rows = ApiToken.objects.filter(pk__in=noted, revoked_at=None)
    changed = 0
    for token in rows.order_by("pk"):
        at = datetime.fromtimestamp(noted[token.pk], UTC)
        newer = Q(last_used_at=None) | Q(last_used_at__lt=at)
        changed += ApiToken.objects.filter(newer, pk=token.pk).update(last_used_at=at)
    return changed


def note(user: User, action: str, owner: Owner, told: str) -> None:
    Audit.objects.create(actor=user.username[:200], action=action, subject=f"owner {owner.pk}", reason=told)
