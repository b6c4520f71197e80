"""The form that has answers judged: which two models, by what, and the judges, as a bake-off's form picks models."""

from typing import Any

from django import forms

from leaderboard.actions.begin_judging import MOST_JUDGES, Question
from leaderboard.actions.errors import Refused
from leaderboard.judging.forms import FORMS, LEAST_ITEMS, MOST_ITEMS, PAIRS, RUBRIC, USUAL_ITEMS, USUAL_RUBRIC
from leaderboard.models import Owner
from leaderboard.pages.bakeoff_form import BakeoffForm
from leaderboard.queries.bakeoff_report import Report


class JudgesForm(BakeoffForm):
    """Judges alone: weights, one endpoint, registered ones."""

    version = margin = first = stops = None  # type: ignore[assignment]
    models = forms.CharField(
        required=False, max_length=1_000, label="Judges with weights",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "placeholder": "org/name\norg/name@revision"}),
        help_text="Models of the Hub, one a line. A second judge shows how far judges agree.",
    )  # fmt: skip
    confirmed = forms.BooleanField(
        required=False,
        label="A judge may judge its own",
        help_text="Its verdicts are marked so wherever they are shown.",
    )
    least = 1

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        chosen["first"] = False
        many = len(chosen.get("models", [])) + len(chosen.get("registered", [])) + bool(chosen.get("base_url"))
        if not self.least <= many <= MOST_JUDGES and "models" not in self.errors:
            self.add_error("models", f"There are {self.least} to {MOST_JUDGES} judges; these are {many}.")
        if bool(chosen.get("base_url")) != bool(chosen.get("served")):
            self.add_error("served", "An endpoint has a base URL and a model.")
        if (chosen.get("input_price") is None) != (chosen.get("output_price") is None):
            self.add_error("input_price", "Give both prices, for tokens in and out.")
        return chosen

    def refused(self, error: Refused) -> None:
        """Say beside its field what an action refused: judges[1].model is a line of the list."""
        if error.field in self.fields:
            self.add_error(error.field, error.message)
            return
        if error.field.startswith("judges["):
            error.field = f"models{error.field[len('judges') :]}"
        super().refused(error)


class JudgingForm(JudgesForm):
    """What `POST /api/v1/bakeoffs/1/judgings/` takes, as fields."""

    one = forms.ChoiceField(label="Compare")
    other = forms.ChoiceField(label="with")
    form = forms.ChoiceField(
        choices=list(FORMS.items()), initial=PAIRS, label="The judge says", widget=forms.RadioSelect
    )
    rubric = forms.CharField(
        max_length=RUBRIC, label="Rubric", initial=USUAL_RUBRIC, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="By what it decides, in your words. It is told the prompt, the reference where there is one, and "
        "the answers without the models’ names.",
    )  # fmt: skip
    items = forms.IntegerField(
        min_value=LEAST_ITEMS, max_value=MOST_ITEMS, initial=USUAL_ITEMS, label="Prompts at most",
        help_text="Drawn at random where there are more. Each is two requests to each judge.",
    )  # fmt: skip
    least = 0

    field_order = ("one", "other", "form", "rubric", "items")

    def __init__(self, *arguments: Any, owner: Owner, found: Report, **named: Any) -> None:
        super().__init__(*arguments, owner=owner, **named)
        choices = [(str(number), one.entrant.name) for number, one in found.measured.items()]
        base = found.base.entrant.number if found.base else 0
        self.fields["one"].choices = self.fields["other"].choices = choices  # type: ignore[attr-defined]
        self.fields["one"].initial = str(next((number for number in found.measured if number != base), base))
        self.fields["other"].initial = str(base)
        self.fields["rubric"].initial = found.course.version.scoring.get("rubric") or USUAL_RUBRIC

    def question(self) -> Question:
        chosen = self.cleaned_data
        return Question(
            int(chosen["one"]), int(chosen["other"]), chosen["form"], chosen["rubric"].strip(), chosen["items"]
        )

    def refused(self, error: Refused) -> None:
        error.field = {"first": "one", "second": "other"}.get(error.field, error.field)
        super().refused(error)
