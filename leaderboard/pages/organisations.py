"""`/settings/organisations`: the ones that somebody belongs to, who else does, and for whom they act."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from leaderboard.actions import organisations as actions
from leaderboard.actions.errors import Refused
from leaderboard.models import Membership
from leaderboard.pages.private import ACTING, ACTING_NAME, private
from leaderboard.pages.submit import user_of
from leaderboard.queries import membership as queries

ROLES = [("viewer", "Viewer: sees"), ("member", "Member: also acts for it"), ("owner", "Owner: also says who belongs")]


class OrganisationForm(forms.Form):
    """A new organisation."""

    name = forms.CharField(
        max_length=39, help_text="Letters, digits and . _ - between them. It stands beside what you submit for it."
    )


class MemberForm(forms.Form):
    """Somebody who will belong to it."""

    username = forms.CharField(max_length=150, label="Name", help_text="of an account here")
    role = forms.ChoiceField(choices=ROLES)


def problem(form: forms.Form, error: Refused) -> int:
    """Put a refusal beside its field; returns its status."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
    return error.status


@private
@require_http_methods(["GET", "HEAD", "POST"])
def organisations(request: HttpRequest) -> HttpResponse:
    """The list; POST makes one."""
    form, status = OrganisationForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = actions.make_organisation(name=form.cleaned_data["name"], user=user_of(request))
                return redirect("organisation", pk=made.pk)
            except Refused as error:
                status = problem(form, error)
    context = {"memberships": list(queries.memberships(user_of(request))), "form": form}
    context["acting"] = request.session.get(ACTING)
    return render(request, "account/organisations.html", context, status=status)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def organisation(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them with its people; POST adds somebody."""
    mine, people = queries.people(user_of(request), pk)
    form, status = MemberForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                actions.add_member(organisation=pk, user=user_of(request), **form.cleaned_data)
                messages.success(request, "Added.")
                return redirect("organisation", pk=pk)
            except Refused as error:
                status = problem(form, error)
    context = {"mine": mine, "people": list(people), "form": form, "roles": Membership.Role.values}
    return render(request, "account/organisation.html", context, status=status)


def person_of(request: HttpRequest) -> int:
    """The number of the person that a form is about; raises Refused."""
    text = request.POST.get("person", "")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise Refused("bad_person", "The form names nobody. Load the page again.")
    return int(text)


@private
@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Another role for somebody."""
    role = request.POST.get("role", "")
    actions.change_role(organisation=pk, person=person_of(request), role=role, user=user_of(request))
    messages.success(request, "Changed.")
    return redirect("organisation", pk=pk)


@private
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody belongs to it no more; or one leaves."""
    person, user = person_of(request), user_of(request)
    actions.remove_member(organisation=pk, person=person, user=user)
    if person == user.pk:
        if request.session.get(ACTING) == pk:
            request.session.pop(ACTING)
            request.session.pop(ACTING_NAME, None)
        return redirect("organisations")
    messages.success(request, "Removed.")
    return redirect("organisation", pk=pk)


@private
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """From now on this browser acts for an organisation, or with none named for its person."""
    text = request.POST.get("organisation", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
    chosen = queries.acting_for(user_of(request), number)
    if chosen is None:
        request.session.pop(ACTING, None)
        request.session.pop(ACTING_NAME, None)
    else:
        request.session[ACTING] = chosen.owner.pk
        request.session[ACTING_NAME] = chosen.owner.name
    return redirect("organisations")
