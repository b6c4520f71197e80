"""`/staff`: for the staff alone; to everybody else there is no such page."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from leaderboard.actions import remarks
from leaderboard.actions import staff as actions
from leaderboard.actions.errors import Refused
from leaderboard.actions.map_origin import map_origin, unmap_origin
from leaderboard.actions.merge_models import merge_models
from leaderboard.actions.rescore import rescore as rescored
from leaderboard.pages.private import private
from leaderboard.pages.submit import user_of
from leaderboard.queries import routines, site
from leaderboard.queries import staff as queries
from leaderboard.queries.rescoring import suites_to_rescore

SHOWN = 5
"""Reasons that a message names, at most."""
View = Callable[..., HttpResponse]


def for_staff(view: View) -> View:
    """Log in first; 404 for who is no staff."""

    @private
    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not user_of(request).is_staff:
            raise Http404
        return view(request, *arguments, **named)

    return guarded  # type: ignore[return-value]


@for_staff
@require_safe
def staff(request: HttpRequest) -> HttpResponse:
    """`/staff?search=org/model`."""
    search = request.GET.get("search", "")
    context = {
        "search": search, "lines": queries.submissions(search), "workers": queries.workers(),
        "tokens": queries.worker_tokens(), "acts": queries.acts(), "state": site.state(), "most": actions.BANNER,
        "routines": routines.lines(), "follows": routines.follows(), "origins": queries.origins(),
        "suites": suites_to_rescore(),
    }  # fmt: skip
    return render(request, "staff/page.html", context)


@for_staff
@require_POST
def submission(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the buttons of a submission."""
    act, actor, reason = request.POST.get("act", ""), user_of(request), request.POST.get("reason", "")
    if act == "cancel":
        actions.cancel_for(submission=pk, actor=actor, reason=reason)
    elif act == "retry":
        actions.retry_for(submission=pk, actor=actor, reason=reason)
    elif act == "flag":
        remarks.flag(submission=pk, by=actor, reason=reason)
    else:
        actions.move(submission=pk, act=act, actor=actor, reason=reason)
    messages.success(request, f"Done: {act} of submission {pk}.")
    return redirect("staff")


@for_staff
@require_POST
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop following a model, whoever began."""
    actions.stop_following(follow=pk, actor=user_of(request), reason=request.POST.get("reason", ""))
    messages.success(request, "It is followed no more.")
    return redirect("staff")


@for_staff
@require_POST
def worker(request: HttpRequest, pk: int) -> HttpResponse:
    """Drain a worker, or let it work again."""
    wanted = request.POST.get("act") == "drain"
    actions.drain(worker=pk, wanted=wanted, actor=user_of(request), reason=request.POST.get("reason", ""))
    messages.success(request, "It gets no more jobs." if wanted else "It gets jobs again.")
    return redirect("staff")


@for_staff
@require_POST
def token(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token of workers."""
    actions.revoke_worker_token(token=pk, actor=user_of(request), reason=request.POST.get("reason", ""))
    messages.success(request, "Its workers are out.")
    return redirect("staff")


@for_staff
@require_POST
def rescore(request: HttpRequest) -> HttpResponse:
    """Score what is stored on the newest version of a suite."""
    given = request.POST
    begun = rescored(suite=given.get("suite", ""), actor=user_of(request), reason=given.get("reason", ""))
    messages.success(request, f"{len(begun.made)} are scored anew.")
    for number, reason in list(begun.left_out.items())[:SHOWN]:
        messages.warning(request, f"Submission {number} is not: {reason}.")
    return redirect("staff")


@for_staff
@require_POST
def state(request: HttpRequest) -> HttpResponse:
    """The banner, and read-only mode."""
    given = request.POST
    if given.get("read_only") not in {None, "on"}:
        raise Refused("bad_mode", "Read-only is on or off.")
    actions.set_state(
        banner=given.get("banner", ""), read_only=given.get("read_only") == "on", actor=user_of(request),
        reason=given.get("reason", ""),
    )  # fmt: skip
    site.forget()
    messages.success(request, "Saved.")
    return redirect("staff")


@for_staff
@require_POST
def origin(request: HttpRequest) -> HttpResponse:
    """Say whose models answer at an address, or take that back."""
    given, by = request.POST, user_of(request)
    place, served = given.get("origin", ""), given.get("served", "").strip()
    if given.get("act") == "withdraw":
        unmap_origin(origin=place, served=served, reason=given.get("reason", ""), by=by)
        messages.success(request, "Withdrawn: what was evaluated there is unverified.")
        return redirect("staff")
    map_origin(
        origin=place, provider=given.get("provider", "").strip(), served=served, model=given.get("model", "").strip(),
        source=given.get("source", ""), by=by,
    )  # fmt: skip
    messages.success(request, "Said: what was evaluated there stands under that name.")
    return redirect("staff")


@for_staff
@require_POST
def merge(request: HttpRequest) -> HttpResponse:
    """Make two names of one model one."""
    given = request.POST
    stays = merge_models(
        duplicate=given.get("duplicate", ""), into=given.get("into", ""), actor=user_of(request),
        reason=given.get("reason", ""),
    )  # fmt: skip
    messages.success(request, f"Merged into {stays.name}.")
    return redirect("staff")
