"""`/staff/claims`: the staff states claims, amends them, and takes them off the page."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard.actions.claims import amend_claim, state_claim, withdraw_claim
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.claims.terms import BadTerms, read
from leaderboard.models import Claim
from leaderboard.pages.claim_form import FORMS, ClaimForm, form_of, reason
from leaderboard.pages.staff import for_staff
from leaderboard.pages.submit import user_of
from leaderboard.queries.claims import Judged, judged
from leaderboard.queries.staff_claims import standing, standing_claim, withdrawn

SHARED = ("text", "who", "url", "quotation")


@for_staff
@require_safe
def claims(request: HttpRequest) -> HttpResponse:
    """Those that stand, and those that were withdrawn."""
    tests = [(one.test, one.title, one.about) for one in FORMS.values()]
    context = {"claims": standing(), "withdrawn": withdrawn(), "tests": tests}
    return render(request, "staff/claims.html", context)


@for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, test: str) -> HttpResponse:
    """`/staff/claims/new/not_behind`: state one with such a test."""
    kind = FORMS.get(test)
    if kind is None:
        raise NotFound("unknown_test", f"The test of a claim is one of {', '.join(FORMS)}: choose it on /staff/claims.")
    form = kind(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            said = state_claim(slug=form.cleaned_data["slug"], by=user_of(request), **given(form))
        except Refused as error:
            return shown(request, form, refused(form, error))
        messages.success(request, f"Stated. {verdict(said)}")
        return redirect("staff-claims")
    return shown(request, form, 400 if form.errors else 200)


@for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Amend one, or withdraw it (`act=withdraw`)."""
    if request.method == "POST" and request.POST.get("act") == "withdraw":
        return withdraw(request, pk)
    one = standing_claim(pk)
    try:
        terms = read(one.claim.terms)
    except BadTerms as error:
        why = "Its terms cannot be read any more: withdraw it, and state it anew."
        raise Refused("bad_terms", why) from error
    kind = form_of(terms)
    begins = {name: getattr(one.claim, name) for name in SHARED} | kind.of(terms)
    form = kind(request.POST or None, initial=begins)
    del form.fields["slug"]
    form.fields["reason"] = reason()
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            said = amend_claim(claim=pk, reason=form.cleaned_data["reason"], by=user_of(request), **given(form))
        except Refused as error:
            status = refused(form, error)
        else:
            messages.success(request, f"Amended. {verdict(said)}")
            return redirect("staff-claims")
    return shown(request, form, 400 if form.errors and status == 200 else status, one)


def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """The button of a claim in the list."""
    row = Claim.objects.filter(pk=pk).first()
    if row is None:
        raise NotFound("unknown_claim", f"There is no claim {pk}.")
    withdraw_claim(slug=row.slug, claim=pk, reason=request.POST.get("reason", ""), by=user_of(request))
    messages.success(request, "Withdrawn. The changelog says so, with the reason.")
    return redirect("staff-claims")


def given(form: ClaimForm) -> dict[str, Any]:
    """What an action takes, of a valid form."""
    return {name: form.cleaned_data[name] for name in SHARED} | {"terms": form.terms()}


def refused(form: ClaimForm, error: Refused) -> int:
    """Put a refusal where it belongs on the form; returns the status of the reply."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
    return error.status


def verdict(said: Claim) -> str:
    """What it comes to at once, for whoever mistyped a name."""
    now = judged(said)
    return f"It is {now.outcome} now: {now.why}"


def shown(request: HttpRequest, form: ClaimForm, status: int, one: Judged | None = None) -> HttpResponse:
    """The form; `one` is the claim that it amends."""
    return render(request, "staff/claim.html", {"form": form, "one": one}, status=status)
