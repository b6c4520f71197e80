"""`/settings/account` and `/settings/sessions`: what is known of an account, and where it is logged in."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls.converters import StringConverter
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leaderboard.actions.sessions import end_sessions
from leaderboard.pages.errors import readable
from leaderboard.pages.submit import user_of
from leaderboard.queries import accounts as queries

View = Callable[..., HttpResponse]


class Word(StringConverter):
    """Letters and digits in an address: what stands before the first hyphen of a link to a new password."""

    regex = "[0-9A-Za-z]+"


def page(view: View) -> View:
    """A view of allauth's, which is read and posted to and nothing else, and kept by no browser."""
    return never_cache(require_http_methods(["GET", "HEAD", "POST"])(view))


def configured(provider: str, view: View) -> View:
    """The view of a provider that the operator has set up; else there is no such page."""

    @page
    @wraps(view)
    def guarded(request: HttpRequest, **named: Any) -> HttpResponse:
        apps = site.SOCIALACCOUNT_PROVIDERS[provider]["APPS"]
        if not any(app.get("provider_id") == named.get("provider_id") for app in apps):
            raise Http404
        return view(request, **named)

    return guarded


@login_required
@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """What there is to an account, with the way to each part."""
    return render(request, "account/page.html", {"facts": queries.facts(user_of(request))})


@login_required
@never_cache
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the account is logged in."""
    found = queries.sessions(user_of(request), current=request.session.session_key or "")
    return render(request, "account/sessions.html", {"sessions": found})


@login_required
@require_POST
@readable
def end(request: HttpRequest) -> HttpResponse:
    """End one session, or with none named all but this one."""
    current = request.session.session_key or ""
    ended = end_sessions(user=user_of(request), session=request.POST.get("session", ""), current=current)
    messages.success(request, "It is logged out." if ended == 1 else f"{ended} sessions are logged out.")
    return redirect("sessions")
