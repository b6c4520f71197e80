"""The form that says how answers are scored: a kind, and the options of each kind."""

import json
from typing import Any

from django import forms
from django.forms import BoundField

from evaluator.scoring.patterns import LONGEST
from evaluator.scoring.spec import KINDS
from leaderboard.actions.workload_items import NAME
from leaderboard.judging.forms import RUBRIC, USUAL_RUBRIC

NAMES = {
    "exact": ("Exact match", "The answer is a reference, apart from what you let it ignore."),
    "contains": ("Contains", "The answer holds a reference somewhere."),
    "number": ("Number", "The last number in the answer is the reference’s, within a tolerance."),
    "choice": ("Multiple choice", "The answer names the right one of the item’s choices."),
    "regex": ("Regular expression", "The answer matches a pattern (RE2)."),
    "json": ("JSON", "The answer is JSON: as a schema says, or with the reference’s fields."),
    "tool_calls": ("Tool calls", "The answer calls the tools that the reference calls. None is run."),
    "unit_tests": (
        "Unit tests",
        "The answer is Python that passes the item’s references, which are its tests. Workers run it "
        "in a sandbox; it is only read here.",
    ),
    "rouge": ("ROUGE", "The share of words in common with the reference, from 0 to 1."),
    "chrf": ("chrF", "The share of runs of characters in common, from 0 to 1: also for languages without spaces."),
    "judge": (
        "A judge",
        "Models that you pick say by a rubric which of two answers is better, once a bake-off has them; "
        "you check them blind. It needs no reference.",
    ),
}
LINES = ("fields", "ignore")
"""Options that are lists of texts, one a line here."""
AREA = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})


class ScoringForm(forms.Form):
    """Options are called `kind-option`; `scoring` gives them as `evaluator.scoring.spec` takes them."""

    def __init__(self, *arguments: Any, called: bool = False, keeps: bool = False, **named: Any) -> None:
        """`called`: it asks for a name too, which has to be there once it `keeps` what it says."""
        super().__init__(*arguments, **named)
        self.keeps = keeps
        if called:
            self.fields["name"] = forms.CharField(max_length=NAME, label="Name of the workload")
        kinds = [(kind, NAMES[kind][0]) for kind in NAMES]
        self.fields["kind"] = forms.ChoiceField(choices=kinds, widget=forms.RadioSelect, label="Answers are scored by")
        self.fields["extract"] = forms.CharField(
            required=False, max_length=LONGEST, label="Take the answer from",
            help_text="A pattern (RE2) whose first group is the answer, such as ####\\s*(.*). Empty: all that is said.",
        )  # fmt: skip
        for kind, options in options_of().items():
            for name, field in options.items():
                self.fields[f"{kind}-{name}"] = field

    def options(self) -> list[dict[str, Any]]:
        """Each kind with its words and its fields, for the page."""
        chosen = self["kind"].value()
        return [
            {"kind": kind, "name": name, "about": about, "chosen": kind == chosen, "fields": self.bound(kind)}
            for kind, (name, about) in NAMES.items()
        ]

    def bound(self, kind: str) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(f"{kind}-")]

    def clean(self) -> dict[str, Any]:
        """A schema is read here, so that its mistakes are beside its field. Other kinds' options say nothing, and
        nothing is said of a name before it is kept."""
        found = self.cleaned_data
        if not self.keeps:
            self.errors.pop("name", None)
        for name in [one for one in self.errors if "-" in one and not one.startswith(f"{found.get('kind')}-")]:
            del self.errors[name]
        text = found.get("json-schema", "").strip()
        if text and found.get("kind") == "json":
            try:
                found["json-schema"] = json.loads(text)
            except (ValueError, RecursionError) as error:
                self.add_error("json-schema", f"It is no JSON: {str(error)[:160]}")
            else:
                if not isinstance(found["json-schema"], dict):
                    self.add_error("json-schema", "A schema is an object.")
        return found

    def scoring(self) -> dict[str, Any]:
        """The chosen way as JSON; what is empty is left out."""
        chosen = self.cleaned_data
        kind = chosen["kind"]
        found: dict[str, Any] = {"kind": kind, "extract": chosen["extract"]}
        for name in options_of().get(kind, {}):
            value = chosen[f"{kind}-{name}"]
            if name in LINES:
                value = [line for one in value.splitlines() if (line := one.strip())]
            if value not in (None, ""):
                found[name] = value
        return found

    def say(self, field: str, message: str) -> None:
        """Put what an action refused (`scoring.pattern`) beside its field."""
        name = field.removeprefix("scoring.").split(".")[0].split("[")[0]
        own = f"{self.cleaned_data.get('kind', '')}-{name}"
        self.add_error(next((one for one in (own, name) if one in self.fields), None), message)


def options_of() -> dict[str, dict[str, forms.Field]]:
    """The options of each kind, as fields."""

    def tick(label: str, help_text: str = "") -> forms.Field:
        return forms.BooleanField(required=False, label=label, help_text=help_text)

    return {
        "exact": {
            "ignore_case": tick("Ignore capitals"), "ignore_space": tick("Ignore spaces"),
            "ignore_punctuation": tick("Ignore punctuation"), "ignore_articles": tick("Ignore a, an, the"),
        },
        "contains": {
            "ignore_case": tick("Ignore capitals"), "all": tick("It has to hold every reference"),
        },
        "number": {
            "absolute": forms.FloatField(label="Off by at most", required=False, min_value=0,
                                         help_text="0.5: 3 is right for 3.5"),
            "relative": forms.FloatField(label="Off by a share of at most", required=False, min_value=0,
                                         help_text="0.01: one per cent"),
        },
        "regex": {
            "pattern": forms.CharField(required=False, max_length=LONGEST, label="Pattern for all items"),
            "each": tick("Each item’s references are its patterns"),
        },
        "json": {
            "schema": forms.CharField(required=False, max_length=100_000, widget=AREA, label="Schema",
                                      help_text="A JSON schema. References out of it are not followed."),
            "fields": forms.CharField(required=False, max_length=10_000, widget=AREA, label="Fields to compare",
                                      help_text="One a line, such as address.city. Empty: all of the reference."),
        },
        "tool_calls": {
            "arguments": forms.ChoiceField(required=False, label="Arguments", choices=[
                ("equal", "are all the same"), ("given", "are as given; there may be more"), ("any", "do not count")]),
            "ordered": tick("The order of several calls counts"),
            "ignore": forms.CharField(required=False, max_length=10_000, widget=AREA, label="Arguments to ignore",
                                      help_text="Their names, one a line"),
        },
        "judge": {
            "rubric": forms.CharField(required=False, max_length=RUBRIC, widget=AREA, label="Rubric",
                                      help_text=f"By what a judge decides. Empty: {USUAL_RUBRIC}"),
        },
        "rouge": {
            "variant": forms.ChoiceField(required=False, label="Counted are", choices=[
                ("rougeL", "the longest run of words in order (ROUGE-L)"), ("rouge1", "single words (ROUGE-1)"),
                ("rouge2", "pairs of words (ROUGE-2)")]),
        },
    }  # fmt: skip


def initial_of(scoring: dict[str, Any]) -> dict[str, Any]:
    """The form's values for a stored way of scoring; other kinds have what they usually have."""
    found: dict[str, Any] = {"kind": scoring.get("kind", "exact"), "extract": scoring.get("extract", "")}
    for kind, options in options_of().items():
        usual = KINDS[kind]()
        for name in options:
            value = scoring[name] if scoring.get("kind") == kind and name in scoring else getattr(usual, name)
            if name in LINES:
                value = "\n".join(value)
            if name == "schema":
                value = "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
            found[f"{kind}-{name}"] = value
    return found
