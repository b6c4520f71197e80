"""The form that starts an evaluation."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from evaluator.contract import Settings
from leaderboard.actions.accounts import ensure_owner
from leaderboard.actions.errors import Forbidden, Refused
from leaderboard.actions.submit import submit as submit_model
from leaderboard.models import Owner, Suite, User
from leaderboard.pages.private import acting, reader_of
from leaderboard.queries import quota, suites


class SubmissionForm(forms.Form):
    """What `POST /api/v1/submissions/` takes, as fields."""

    model = forms.CharField(max_length=200, label="Model", help_text="Hub ID, such as org/name")
    revision = forms.CharField(
        max_length=200, required=False, label="Revision", help_text="Branch, tag or commit; main if left empty"
    )
    suite = forms.ChoiceField(label="Suite")
    engine = forms.ChoiceField(choices=[("vllm", "vLLM"), ("transformers", "Transformers")], label="Engine")
    dtype = forms.ChoiceField(
        choices=[
            ("auto", "As the model says"),
            ("bfloat16", "bfloat16"),
            ("float16", "float16"),
            ("float32", "float32"),
        ],
        label="Precision",
    )
    apply_chat_template = forms.BooleanField(required=False, label="Apply the model's chat template")
    thinking = forms.ChoiceField(
        choices=[("", "As its template does"), ("on", "On"), ("off", "Off")], required=False, label="Thinking",
        help_text="Before its answers, which are generated. What it thinks is kept beside them and scores nothing.",
    )  # fmt: skip
    thinking_tokens = forms.IntegerField(
        min_value=0, max_value=2**20, required=False, label="Tokens for thinking",
        help_text="Beside what a task allows for an answer.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, released: list[Suite], **named: Any) -> None:
        super().__init__(*arguments, **named)
        measured = [suite for suite in released if not suite.imported]
        choices = forms.ChoiceField(choices=[(suite.slug, f"{suite.title} ({suite.slug})") for suite in measured])
        self.fields["suite"].choices = choices.choices  # type: ignore[attr-defined]

    def settings(self) -> Settings:
        chosen = self.cleaned_data
        return Settings(
            engine=chosen["engine"], dtype=chosen["dtype"], apply_chat_template=chosen["apply_chat_template"],
            thinking={"on": True, "off": False}.get(chosen["thinking"]),
            thinking_tokens=chosen["thinking_tokens"] or 0,
        )  # fmt: skip


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest) -> HttpResponse:
    """`/submit`: the form, and with POST the submission; what is wrong is said beside its field."""
    released = list(suites.suites())
    if request.method != "POST":
        asked = {name: request.GET[name] for name in ("model", "revision", "suite") if name in request.GET}
        form = SubmissionForm(released=released, initial=asked)
        return form_page(request, form, released)
    form = SubmissionForm(request.POST, released=released)
    refusal = None
    if form.is_valid():
        try:
            made = submit_model(
                owner=owner_of(request),
                submitter=user_of(request),
                suite=form.cleaned_data["suite"],
                model=form.cleaned_data["model"],
                revision=form.cleaned_data["revision"],
                settings=form.settings(),
            )
        except Refused as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
            refusal = error
        else:
            return redirect("submission", pk=made.pk)
    reply = form_page(request, form, released, existing=refusal.url if refusal else "")
    reply.status_code = refusal.status if refusal else 400
    for name, value in (refusal.headers if refusal else {}).items():
        reply.headers[name] = value
    return reply


def form_page(request: HttpRequest, form: SubmissionForm, released: list[Suite], existing: str = "") -> HttpResponse:
    """The form, with what the reader's quota leaves (of an account that owns nothing yet there is none to show)."""
    owner = reader_of(request)
    left = quota.allowances(owner) if owner else []
    return render(request, "submit.html", {"form": form, "suites": released, "existing": existing, "quota": left})


def user_of(request: HttpRequest) -> User:
    """The person who is logged in (the view requires one)."""
    assert isinstance(request.user, User)
    return request.user


def owner_of(request: HttpRequest) -> Owner:
    """Who a submission made by this request belongs to; raises Forbidden for who only reads in an organisation."""
    found = acting(request)
    if found is None:
        return ensure_owner(user=user_of(request))
    if not found.writes and request.method not in {"GET", "HEAD"}:
        raise Forbidden(
            "only_reading", f"You are a viewer of {found.owner}: you see what is its own, and change nothing."
        )
    return found.owner
