"""The form that begins a bake-off: models of the Hub, one a line, and one endpoint or those that are registered."""

from typing import Any

from django import forms

from evaluator.contract import Price, Settings
from leaderboard.actions.access import MOST_AT_ONCE, Access
from leaderboard.actions.begin_bakeoff import LEAST, MARGIN, MOST, WIDEST, Candidate, Registered, Weights
from leaderboard.actions.errors import Refused
from leaderboard.models import Endpoint, Owner
from leaderboard.pages.submit_endpoint import PROTOCOLS
from leaderboard.queries.bakeoff_estimate import Planned
from leaderboard.queries.endpoints import catalogue_price, whose

DTYPES = [("auto", "As each model says"), ("bfloat16", "bfloat16"), ("float16", "float16"), ("float32", "float32")]


class BakeoffForm(forms.Form):
    """What `POST /api/v1/bakeoffs/` takes, as fields; the first model is the baseline."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    models = forms.CharField(
        required=False, max_length=4_000, label="Models of the Hub",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "org/name\norg/name@revision"}),
        help_text="One a line, with a branch, tag or commit behind an @ if not main. The first model is the baseline.",
    )  # fmt: skip
    apply_chat_template = forms.BooleanField(
        required=False, initial=True, label="Apply chat templates",
        help_text="Leave it out for models without one; they then get the messages as plain text.",
    )  # fmt: skip
    dtype = forms.ChoiceField(choices=DTYPES, initial="auto", label="Precision")
    registered = forms.MultipleChoiceField(
        required=False, label="Registered endpoints", widget=forms.CheckboxSelectMultiple
    )
    base_url = forms.CharField(required=False, max_length=500, label="Base URL", help_text="https://api.openai.com/v1")
    protocol = forms.ChoiceField(required=False, choices=PROTOCOLS, label="Protocol")
    served = forms.CharField(required=False, max_length=120, label="Model", help_text="Its name there")
    api_key = forms.CharField(
        max_length=1_000, required=False, label="API key",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False),
        help_text="Asked for again after the estimate; encrypted, removed when the run ends or after a day.",
    )  # fmt: skip
    input_price = forms.FloatField(required=False, min_value=0, label="$ for a million tokens in")
    output_price = forms.FloatField(required=False, min_value=0, label="and out")
    budget_dollars = forms.FloatField(required=False, min_value=0.01, label="Budget in US dollars")
    budget_tokens = forms.IntegerField(required=False, min_value=1, label="Budget in tokens")
    concurrency = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_AT_ONCE, initial=8, label="Requests at once",
        help_text="Latency is told at this many.",
    )  # fmt: skip
    first = forms.BooleanField(
        required=False, label="The endpoint is the baseline", help_text="What you use today, say"
    )
    margin = forms.FloatField(
        min_value=0, max_value=WIDEST, initial=MARGIN, label="Margin in points",
        help_text="A difference in quality below it would not matter to you.",
    )  # fmt: skip

    stops = forms.BooleanField(
        required=False, label="Stop when decided",
        help_text="Prompts come at random, and a model is asked no more once its verdict is sure.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, owner: Owner, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.registered_rows = list(Endpoint.objects.filter(owner=owner, operated=True).order_by("pk"))
        choices = forms.ChoiceField(choices=[(str(one.pk), str(one)) for one in self.registered_rows]).choices
        self.fields["registered"].choices = choices  # type: ignore[attr-defined]

    def clean_models(self) -> list[tuple[str, str]]:
        """(model, revision) of each line."""
        found = []
        for line in filter(None, (part.strip() for part in self.cleaned_data["models"].splitlines())):
            name, _, revision = line.partition("@")
            found.append((name.strip(), revision.strip() or "main"))
        return found

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        many = len(chosen.get("models", [])) + len(chosen.get("registered", [])) + bool(chosen.get("base_url"))
        if not LEAST <= many <= MOST and "models" not in self.errors:
            self.add_error("models", f"A bake-off is of {LEAST} to {MOST} models; these are {many}.")
        if bool(chosen.get("base_url")) != bool(chosen.get("served")):
            self.add_error("served", "An endpoint has a base URL and a model.")
        if (chosen.get("input_price") is None) != (chosen.get("output_price") is None):
            self.add_error("input_price", "Give both prices, for tokens in and out.")
        return chosen

    @property
    def price(self) -> Price | None:
        chosen = self.cleaned_data
        if chosen["input_price"] is None:
            return None
        return Price(input=chosen["input_price"], output=chosen["output_price"])

    def candidates(self) -> list[Candidate]:
        """In their order: the first is the baseline."""
        chosen = self.cleaned_data
        settings = Settings(dtype=chosen["dtype"], apply_chat_template=chosen["apply_chat_template"])
        weights = [Weights(model, revision, settings) for model, revision in chosen["models"]]
        behind: list[Candidate] = []
        if chosen["base_url"]:
            behind.append(Access(
                base_url=chosen["base_url"], protocol=chosen["protocol"], model=chosen["served"],
                api_key=chosen["api_key"], price=self.price, budget_tokens=chosen["budget_tokens"],
                budget_dollars=chosen["budget_dollars"], concurrency=chosen["concurrency"] or 8,
            ))  # fmt: skip
        behind += [Registered(int(key)) for key in chosen["registered"]]
        return [*behind, *weights] if chosen["first"] else [*weights, *behind]

    def planned(self) -> list[Planned]:
        """The same, for the estimate."""
        chosen = self.cleaned_data
        weights = [Planned(model) for model, _ in chosen["models"]]
        behind = [Planned(chosen["served"], True, self.price)] if chosen["base_url"] else []
        for row in self.registered_rows:
            if str(row.pk) in chosen["registered"]:
                model = whose(row.origin, row.served).model
                behind.append(Planned(str(row), True, catalogue_price(model) if model else None))
        return [*behind, *weights] if chosen["first"] else [*weights, *behind]

    def refused(self, error: Refused) -> None:
        """Say beside its field what an action refused: models[1].model is a line of the list."""
        last = error.field.rpartition(".")[2]
        place = {"model": "models", "revision": "models", "price": "input_price", "endpoint": "registered"}.get(
            last, last
        )
        number = error.field.partition("[")[2].partition("]")[0]
        candidates = self.candidates()
        if number.isdigit() and isinstance(candidates[int(number)], Access) and place == "models":
            place = "served"
        named = f"Model {int(number) + 1}: {error.message}" if number.isdigit() and place == "models" else error.message
        self.add_error(place if place in self.fields else None, named)
