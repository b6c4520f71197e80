"""`/settings/tokens`: the API tokens of whom one acts for."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from leaderboard.actions.api_tokens import DAYS, MOST, NAME, end_api_token, make_api_token
from leaderboard.actions.errors import Refused
from leaderboard.pages.private import private, reader_of, writer_of
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.queries.api_tokens import tokens_of

SCOPES = [
    ("submit", "Submit, cancel, retry and resume"),
    ("manage", "Change workloads, bake-offs and webhooks"),
]


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(max_length=NAME, help_text="what it is for, such as nightly build")
    scopes = forms.MultipleChoiceField(
        choices=SCOPES, required=False, widget=forms.CheckboxSelectMultiple, label="Besides reading it may"
    )
    days = forms.TypedChoiceField(
        choices=[(days, f"{days} days") for days in DAYS], coerce=int, initial=90, label="It ends after"
    )


@private
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The list; POST makes one and shows it, on this reply alone and so without a redirection."""
    if request.method != "POST":
        return shown(request, TokenForm())
    form, status = TokenForm(request.POST), 400
    if form.is_valid():
        try:
            token = make_api_token(owner=owner_of(request), user=user_of(request), **form.cleaned_data)
            return shown(request, TokenForm(), token=token)
        except Refused as error:
            if error.status == 403:
                raise
            form.add_error(error.field if error.field in form.fields else None, error.message)
            status = error.status
    elif writer_of(request) is None:
        owner_of(request)  # who may not is told so before what is wrong
    return shown(request, form, status=status)


def shown(request: HttpRequest, form: TokenForm, *, token: str = "", status: int = 200) -> HttpResponse:
    """The page with `form` on it."""
    owner = reader_of(request)
    context = {
        "form": form, "token": token, "tokens": tokens_of(owner) if owner else [], "most": MOST,
        "writes": writer_of(request) is not None or owner is None, "owner": owner,
    }  # fmt: skip
    return render(request, "account/tokens.html", context, status=status)


@private
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """A token's button."""
    end_api_token(owner=owner_of(request), user=user_of(request), token=pk)
    messages.success(request, "The token is revoked.")
    return redirect("tokens")
