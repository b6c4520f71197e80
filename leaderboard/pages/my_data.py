"""`/settings/data.json` and the end of an account."""

import json
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from leaderboard.actions.errors import Refused
from leaderboard.actions.forget_person import forget_person
from leaderboard.models import User
from leaderboard.pages.private import private
from leaderboard.pages.submit import user_of
from leaderboard.queries.my_data import data_of


class DeleteForm(forms.Form):
    """The word of the person that they mean it."""

    secret = forms.CharField(max_length=200, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))

    def __init__(self, *arguments: object, user: User, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.user = user
        with_password = user.has_usable_password()
        self.fields["secret"].label = "Your password" if with_password else f"Type {user.username}"
        if not with_password:
            self.fields["secret"].widget = forms.TextInput(attrs={"autocomplete": "off"})

    def clean_secret(self) -> str:
        given = str(self.cleaned_data["secret"])
        right = self.user.check_password(given) if self.user.has_usable_password() else given == self.user.username
        if not right:
            raise forms.ValidationError("That is not it.")
        return given


@private
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """All that is kept of the reader, as one JSON file."""
    text = json.dumps(data_of(user_of(request)), cls=DjangoJSONEncoder, indent=1)
    headers = {"Content-Disposition": 'attachment; filename="parity-data.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """What goes and what stays; POST with the password does it."""
    user = user_of(request)
    form, status = DeleteForm(request.POST or None, user=user), HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.BAD_REQUEST
        if form.is_valid():
            try:
                forget_person(user=user)
                logout(request)
                messages.success(request, "Your account is deleted.")
                return redirect("board")
            except Refused as error:
                form.add_error(None, error.message)
                status = HTTPStatus(error.status)
    return render(request, "account/delete.html", {"form": form}, status=status)
