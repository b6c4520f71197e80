"""Rate limits of pages: logging in, submitting, and searching the board. The API counts its own requests."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from leaderboard import throttles
from leaderboard.throttles import Count, Standing

SUBMITTING = frozenset({"submit", "retry"})
GUESSING = frozenset(
    {
        "account_login", "account_signup", "account_reset_password", "account_reset_password_from_key",
        "account_reauthenticate", "mfa_authenticate", "mfa_reauthenticate", "account_change_password",
        "account_email", "account_confirm_email", "socialaccount_signup",
    }
)  # fmt: skip
"""Forms where a secret may be guessed, an account looked for, or an e-mail sent to somebody."""
NAMES = ("login", "username", "email")
"""Fields of those that name an account."""


class Throttles:
    """Middleware: refuses with 429 and a page that says when again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, arguments: Any, named: Any) -> HttpResponse | None:
        standings = throttles.take(*counted(request))
        over = next((one for one in standings if one.exceeded), None)
        return None if over is None else refused(request, over, standings)


def counted(request: HttpRequest) -> list[Count]:
    """The allowances that a request counts for, and whose they are."""
    route = request.resolver_match.url_name if request.resolver_match else ""
    address = throttles.address(request)
    if route in GUESSING and request.method == "POST":
        # Of the account too, so that many addresses together cannot guess one password, or fill one mailbox.
        return [Count("login", address), *(Count("login", f"account {name}") for name in accounts(request))]
    who = address if isinstance(request.user, AnonymousUser) else f"user {request.user.pk}"
    if route in SUBMITTING and request.method == "POST":
        owner = getattr(request.user, "owner", None)
        return [Count("submit", f"owner {owner.pk}" if owner else who)]
    if route == "board" and request.GET.get("search", "").strip():
        return [Count("search", who)]
    return []


def accounts(request: HttpRequest) -> set[str]:
    """Whose secrets a form is about: who is named, who is logged in, and whose password was right a moment ago."""
    named = {request.POST.get(field, "")[:254].strip().lower() for field in NAMES} - {""}
    waiting = request.session.get("account_login")  # allauth's: between the password and the code
    if isinstance(waiting, dict) and waiting.get("user_pk"):
        named.add(f"number {waiting['user_pk']}")
    return named if isinstance(request.user, AnonymousUser) else named | {f"number {request.user.pk}"}


def refused(request: HttpRequest, over: Standing, standings: list[Standing]) -> HttpResponse:
    reply = render(request, "problem.html", {"message": over.message, "status": 429}, status=429)
    for name, value in throttles.headers(standings).items():
        reply[name] = value
    return reply
