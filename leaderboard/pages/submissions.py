"""One submission: live progress while it runs, results and how to repeat them afterwards."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HTMX_STOP_POLLING

from leaderboard.actions.cancel import cancel as cancel_submission
from leaderboard.actions.errors import Refused
from leaderboard.actions.follow import follow as follow_model
from leaderboard.actions.follow import unfollow
from leaderboard.actions.pause import resume as resume_submission
from leaderboard.actions.remarks import DISPUTABLE
from leaderboard.actions.remarks import dispute as dispute_score
from leaderboard.actions.retry import retry as retry_submission
from leaderboard.models import Owner, Submission
from leaderboard.pages.errors import readable
from leaderboard.pages.private import writer_of
from leaderboard.pages.requests import HtmxRequest, render_page_or_part, wants_part
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.queries import submissions
from leaderboard.queries.remarks import remarks_of
from leaderboard.queries.repeat import repeat_command, verify_command
from leaderboard.queries.routines import follow_of


@require_safe
@readable
def submission(request: HtmxRequest, pk: int) -> HttpResponse:
    """The page; htmx polls its live part, and is told to stop (286) once the submission has ended."""
    detail = submissions.detail(pk)
    owner = writer_of(request)
    context = {
        "detail": detail,
        "submission": detail.submission,
        "command": repeat_command(detail.submission),
        "verification": verify_command(detail.submission),
        "may_resume": detail.submission.state == Submission.State.PAUSED and owner == detail.submission.owner,
        "may_cancel": detail.live and owner == detail.submission.owner,
        "remarks": remarks_of(pk) if not wants_part(request) else [],
        "may_dispute": request.user.is_authenticated and detail.submission.state in DISPUTABLE,
        "follow": follow_of(row=detail.submission, owner=owner),
        "may_follow": detail.may_be_followed and may_follow(request, detail.submission, owner),
        "may_retry": detail.may_be_retried and not detail.endpoint and owner == detail.submission.owner,
    }
    reply = render_page_or_part(request, "submission/page.html", "submission/live.html", context)
    if wants_part(request) and not detail.live:
        reply.status_code = HTMX_STOP_POLLING
    return reply


@login_required
@require_POST
@readable
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """The owner's button."""
    cancel_submission(submission=pk, owner=owner_of(request))
    return redirect("submission", pk=pk)


@login_required
@require_POST
@readable
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """The owner's button on a submission that has ended; leads to the new one."""
    made = retry_submission(submission=pk, owner=owner_of(request), submitter=user_of(request))
    return redirect("submission", pk=made.pk)


def may_follow(request: HttpRequest, row: Submission, owner: Owner | None) -> bool:
    """Whoever submitted it, and the staff."""
    return owner is not None and (owner == row.owner or bool(getattr(request.user, "is_staff", False)))


@login_required
@require_POST
@readable
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Submit the model's new revisions as this one was, or stop that."""
    owner = owner_of(request)
    if request.POST.get("act") == "stop":
        found = follow_of(row=submissions.detail(pk).submission, owner=owner)
        if found is not None:
            unfollow(follow=found.pk, owner=owner)
    else:
        follow_model(submission=pk, owner=owner, by=user_of(request))
    return redirect("submission", pk=pk)


class ResumeForm(forms.Form):
    """What may change when a paused submission goes on."""

    budget_dollars = forms.FloatField(required=False)
    budget_tokens = forms.IntegerField(required=False)
    api_key = forms.CharField(required=False, max_length=1_000)


@login_required
@require_POST
@readable
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """The owner's word that a paused submission may go on."""
    form = ResumeForm(request.POST)
    if not form.is_valid():
        raise Refused("bad_budget", "A budget is a number: dollars, or whole tokens.")
    resume_submission(submission=pk, owner=owner_of(request), **form.cleaned_data)
    return redirect("submission", pk=pk)


@login_required
@require_POST
@readable
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    """Anybody's form below a score."""
    dispute_score(
        submission=pk, reason=request.POST.get("reason", ""), evidence=request.POST.get("evidence", ""),
        by=user_of(request),
    )  # fmt: skip
    return redirect("submission", pk=pk)
