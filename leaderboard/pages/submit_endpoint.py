"""The form that starts an evaluation of a model behind an API."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from evaluator.contract import Price, Sampling
from leaderboard.actions.access import HEADERS, MOST_AT_ONCE, Access
from leaderboard.actions.errors import Refused
from leaderboard.actions.submit_endpoint import submit_endpoint as submit_access
from leaderboard.models import Suite
from leaderboard.pages.private import reader_of
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.queries import quota, suites
from leaderboard.queries.submissions import asked_before

PROTOCOLS = [
    ("openai-chat", "OpenAI chat"),
    ("openai-responses", "OpenAI responses"),
    ("openai-completions", "OpenAI completions"),
    ("anthropic-messages", "Anthropic messages"),
]
EFFORTS = [("", "as the model does"), *[(one, one) for one in ("none", "minimal", "low", "medium", "high", "xhigh")]]
OF_FIELD = {"price": "input_price", "headers": "headers"}
"""Fields of the action that have another name here."""


class EndpointForm(forms.Form):
    """What `POST /api/v1/submissions/` takes as `endpoint`, as fields."""

    base_url = forms.CharField(max_length=500, label="Base URL", help_text="Such as https://api.openai.com/v1")
    protocol = forms.ChoiceField(
        choices=PROTOCOLS, label="Protocol", help_text="Gemini, vLLM and most others speak OpenAI chat too"
    )
    model = forms.CharField(max_length=120, label="Model", help_text="Its name at the endpoint, such as gpt-4o-mini")
    api_key = forms.CharField(
        max_length=1_000,
        required=False,
        label="API key",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
        help_text="Encrypted, handed to one worker for this evaluation, removed at its end or after a day. "
        "Nobody is shown it again.",
    )
    suite = forms.ChoiceField(label="Suite")
    budget_dollars = forms.FloatField(
        required=False, min_value=0.01, label="Budget in US dollars", help_text="The evaluation pauses there"
    )
    budget_tokens = forms.IntegerField(
        required=False, min_value=1, label="Budget in tokens", help_text="In and out together"
    )
    hold = forms.BooleanField(
        required=False, initial=True, label="Show me the estimate first", help_text="It waits until you say go on"
    )
    concurrency = forms.IntegerField(
        min_value=1, max_value=MOST_AT_ONCE, initial=8, label="Requests at once", help_text="Fewer when it says 429"
    )
    temperature = forms.FloatField(
        required=False, min_value=0, max_value=2, initial=0, label="Temperature", help_text="Empty: the model’s own"
    )
    top_p = forms.FloatField(required=False, min_value=0, max_value=1, label="top_p", help_text="Empty: not sent")
    passes = forms.IntegerField(
        min_value=1, max_value=64, initial=1, label="Passes", help_text="How often each item is asked"
    )
    max_tokens = forms.IntegerField(
        required=False, min_value=1, max_value=10**6, label="Most tokens of an answer",
        help_text="Empty: what the task says",
    )  # fmt: skip
    reasoning_effort = forms.ChoiceField(required=False, choices=EFFORTS, label="Reasoning effort")
    thinking_tokens = forms.IntegerField(
        required=False, min_value=0, max_value=10**6, label="Tokens for thinking", help_text="Empty: not sent"
    )
    no_stop = forms.BooleanField(
        required=False, label="Send no stop sequences", help_text="Reasoning models refuse them; answers are cut here"
    )
    input_price = forms.FloatField(required=False, min_value=0, label="In")
    output_price = forms.FloatField(required=False, min_value=0, label="Out")
    cached_price = forms.FloatField(required=False, min_value=0, label="In, from a cache")
    headers = forms.CharField(
        required=False,
        max_length=2_000,
        label="Headers",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=f"One a line, such as openai-project: proj_1. Possible: {', '.join(sorted(HEADERS))}",
    )

    def __init__(self, *arguments: Any, released: list[Suite], **named: Any) -> None:
        super().__init__(*arguments, **named)
        measured = [suite for suite in released if not suite.imported]
        choices = forms.ChoiceField(choices=[(suite.slug, f"{suite.title} ({suite.slug})") for suite in measured])
        self.fields["suite"].choices = choices.choices  # type: ignore[attr-defined]

    def clean_headers(self) -> dict[str, str]:
        """Name to value."""
        found = {}
        for line in filter(None, (part.strip() for part in self.cleaned_data["headers"].splitlines())):
            name, colon, value = line.partition(":")
            if not colon:
                raise forms.ValidationError("A header is written as name: value, one a line.")
            found[name.strip()] = value.strip()
        return found

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        prices = [chosen.get(name) for name in ("input_price", "output_price", "cached_price")]
        if any(one is not None for one in prices) and None in prices[:2]:
            self.add_error("input_price", "Give both prices, for tokens in and out.")
        return chosen

    def access(self) -> Access:
        chosen = self.cleaned_data
        priced = chosen["input_price"] is not None
        plain = ("base_url", "protocol", "model", "api_key", "headers", "budget_tokens", "budget_dollars", "hold")
        sampling = {name: chosen[name] for name in ("temperature", "top_p", "passes", "max_tokens", "thinking_tokens")}
        return Access(
            **{name: chosen[name] for name in plain},
            concurrency=chosen["concurrency"],
            sampling=Sampling(
                **sampling, reasoning_effort=chosen["reasoning_effort"] or None, stop=not chosen["no_stop"]
            ),
            price=Price(input=chosen["input_price"], output=chosen["output_price"], cached=chosen["cached_price"])
            if priced
            else None,
        )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit_endpoint(request: HttpRequest) -> HttpResponse:
    """`/submit/endpoint`: the form (`?again=7` filled as submission 7 was, without its key), and with POST the
    submission; what is wrong is said beside its field."""
    released = list(suites.suites())
    if request.method != "POST":
        again = request.GET.get("again", "")
        known = (
            asked_before(int(again), request.user) if again.isascii() and again.isdigit() and len(again) < 10 else {}
        )
        asked = {name: request.GET[name] for name in ("base_url", "model", "suite") if name in request.GET}
        form = EndpointForm(released=released, initial=known | asked)
        return form_page(request, form, released)
    form = EndpointForm(request.POST, released=released)
    refusal = None
    if form.is_valid():
        try:
            made = submit_access(
                owner=owner_of(request),
                submitter=user_of(request),
                suite=form.cleaned_data["suite"],
                access=form.access(),
            )
        except Refused as error:
            form.add_error(field_of(error, form), error.message)
            refusal = error
        else:
            return redirect("submission", pk=made.pk)
    reply = form_page(request, form, released, existing=refusal.url if refusal else "")
    reply.status_code = refusal.status if refusal else 400
    for name, value in (refusal.headers if refusal else {}).items():
        reply.headers[name] = value
    return reply


def field_of(error: Refused, form: EndpointForm) -> str | None:
    """The form's field that a refusal is about, None for the form as a whole."""
    name = error.field.rpartition(".")[2]
    name = OF_FIELD.get(name, name)
    return name if name in form.fields else None


def form_page(request: HttpRequest, form: EndpointForm, released: list[Suite], existing: str = "") -> HttpResponse:
    """The form, with what the reader's quota leaves."""
    owner = reader_of(request)
    left = quota.allowances(owner) if owner else []
    context = {"form": form, "suites": released, "existing": existing, "quota": left}
    return render(request, "submit_endpoint.html", context)
