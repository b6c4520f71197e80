"""An account as its person sees it."""

import re
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from leaderboard.models import User

BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")
PROGRAM = re.compile(r"[A-Za-z][\w.-]{0,30}")


@dataclass(frozen=True)
class Facts:
    """What the account's page says."""

    email: str
    verified: bool
    has_password: bool
    second_factor: bool
    sessions: int
    elsewhere: int
    providers: bool


@dataclass(frozen=True)
class OpenSession:
    """One login: with what, from where, since when. `pk` names it in a form; the session's key stays secret."""

    pk: int
    program: str
    address: str
    since: datetime
    current: bool


def facts(user: User) -> Facts:
    """Of the account's parts."""
    return Facts(
        email=user.email,
        verified=EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists(),
        has_password=user.has_usable_password(),
        second_factor=Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists(),
        sessions=len(alive(user)),
        elsewhere=SocialAccount.objects.filter(user=user).count(),
        providers=any(one["APPS"] for one in site.SOCIALACCOUNT_PROVIDERS.values()),
    )


def alive(user: User) -> list[UserSession]:
    """Those whose session is still there and not over, newest first. 2 queries; nothing is tidied up on the way."""
    found = list(UserSession.objects.filter(user=user).order_by("-created_at"))
    keys = [one.session_key for one in found]
    there = set(Session.objects.filter(pk__in=keys, expire_date__gt=Now()).values_list("pk", flat=True))
    return [one for one in found if one.session_key in there]


def sessions(user: User, current: str) -> list[OpenSession]:
    """Where the user is logged in, this browser first."""
    found = [
        OpenSession(
            pk=one.pk, program=program(one.user_agent), address="" if one.ip == "0.0.0.0" else one.ip,  # noqa: S104
            since=one.created_at, current=one.session_key == current,
        )
        for one in alive(user)
    ]  # fmt: skip
    return sorted(found, key=lambda one: not one.current)


def program(agent: str) -> str:
    """A browser's own description in words: "Firefox on Linux"."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for name in SYSTEMS if name in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    found = PROGRAM.match(agent)
    return browser or (found.group() if found else "An unknown program")
