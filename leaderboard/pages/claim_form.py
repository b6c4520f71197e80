"""The form of a claim: who says what, where, word for word, and the terms of the test that decides it.

Each kind of test has a form of its own, whose fields become terms (`leaderboard.claims.terms`) and back.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from leaderboard.claims.terms import Cheaper, Group, LongerContext, NotBehind, Terms
from leaderboard.queries.staff_claims import tasks_here

BILLION = 1e9
KINDS = [("", "any weights"), ("open", "open weights"), ("proprietary", "proprietary")]
SLUG = "Small letters, digits and hyphens; its address is /claims#this"
TASKS = "One a line: a suite and one of its tasks, such as parity-core@1 parity_gsm8k"


class ClaimForm(forms.Form):
    """What all claims have."""

    test: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    slug = forms.CharField(max_length=80, label="Short name", help_text=SLUG)
    text = forms.CharField(max_length=300, label="The claim", help_text="In one sentence, as readers see it")
    who = forms.CharField(max_length=200, label="Who says so", help_text="Such as the model’s maker, and where")
    url = forms.CharField(max_length=298, required=False, label="Source", help_text="The page where it is said")
    quotation = forms.CharField(
        max_length=1_000, required=False, label="Quotation", help_text="As it is said there, word for word",
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def terms(self) -> dict[str, Any]:
        """Of the test, as JSON values; of a form that is valid."""
        raise NotImplementedError

    @classmethod
    def of(cls, terms: Any) -> dict[str, Any]:
        """What the form's fields begin with for a claim that has such terms."""
        raise NotImplementedError


def sized(label: str) -> forms.FloatField:
    return forms.FloatField(required=False, min_value=0, label=label, help_text="Billions of parameters")


class SidesForm(ClaimForm):
    """Claims that set the best model of one group beside the best of another."""

    first_kind = forms.ChoiceField(choices=KINDS, required=False, label="Weights")
    first_model = forms.CharField(max_length=200, required=False, label="Model", help_text="org/name; empty: the best")
    first_least, first_most = sized("At least"), sized("At most")
    second_kind = forms.ChoiceField(choices=KINDS, required=False, label="Weights")
    second_model = forms.CharField(max_length=200, required=False, label="Model", help_text="org/name; empty: the best")
    second_least, second_most = sized("At least"), sized("At most")

    def group(self, side: str) -> dict[str, Any]:
        given = self.cleaned_data
        found = {"model": given[f"{side}_model"], "kind": given[f"{side}_kind"]}
        for name, end in (("least_parameters", "least"), ("most_parameters", "most")):
            if given[f"{side}_{end}"] is not None:
                found[name] = given[f"{side}_{end}"] * BILLION
        return found

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for side in ("first", "second"):
            low, high = given.get(f"{side}_least"), given.get(f"{side}_most")
            if low is not None and high is not None and high < low:
                self.add_error(f"{side}_most", "It is less than the least.")
        return given


def wrong_task(words: list[str]) -> str:
    """What is wrong with a line that names a task; "" for nothing, and for an empty line."""
    if len(words) not in (0, 2):
        return f"{' '.join(words)[:80]!r} is no suite and task with a space between."
    known = tasks_here(words[0]) if words else None
    if known is None or words[1] in known:  # a suite may come later: until then nothing is measured
        return ""
    return f"{words[0]} has no task {words[1][:80]!r}; it has {', '.join(known)[:400]}."


def spread(side: str, group: Group) -> dict[str, Any]:
    """A group as its side's fields have it."""
    sizes = {"least": group.least_parameters, "most": group.most_parameters}
    return {
        f"{side}_kind": group.kind, f"{side}_model": group.model,
        **{f"{side}_{end}": None if size is None else plain(size / BILLION) for end, size in sizes.items()},
    }  # fmt: skip


def plain(number: float) -> float | int:
    """As people write it: 2 for 2.0."""
    return int(number) if float(number).is_integer() else number


class NotBehindForm(SidesForm):
    """`NotBehind`."""

    test, title = "not_behind", "As good as another"
    about = "at most so many points behind, by the 95 % interval on identical items"
    tasks = forms.CharField(
        max_length=4_000, label="Tasks", help_text=TASKS,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )  # fmt: skip
    margin = forms.FloatField(
        min_value=0, max_value=100, initial=2, label="Margin in points", help_text="2 for “within 2 %”; 0: not behind"
    )
    over = forms.ChoiceField(
        choices=[("mean", "on the mean of the tasks"), ("each", "on each task")], label="It has to hold"
    )

    def clean_tasks(self) -> list[dict[str, str]]:
        lines = [line.split() for line in self.cleaned_data["tasks"].splitlines()]
        problems = [
            f"Line {number}: {problem}" for number, words in enumerate(lines, start=1) if (problem := wrong_task(words))
        ]
        if problems:
            raise forms.ValidationError(problems)
        return [{"suite": words[0], "task": words[1]} for words in lines if words]

    def terms(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "test": self.test, "first": self.group("first"), "second": self.group("second"), "tasks": given["tasks"],
            "margin": given["margin"], "over": given["over"],
        }  # fmt: skip

    @classmethod
    def of(cls, terms: NotBehind) -> dict[str, Any]:
        tasks = "\n".join(f"{one.suite} {one.task}" for one in terms.tasks)
        sides = {**spread("first", terms.first), **spread("second", terms.second)}
        return {**sides, "tasks": tasks, "margin": plain(terms.margin), "over": terms.over}


class LongerContextForm(SidesForm):
    """`LongerContext`."""

    test, title = "longer_context", "Reads longer contexts"
    about = "by the contexts that were measured here"
    at_least = forms.IntegerField(min_value=1, max_value=10**9, label="The first reads at least", help_text="Tokens")
    at_most = forms.IntegerField(min_value=1, max_value=10**9, label="The second at most", help_text="Tokens")

    def terms(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "test": self.test, "first": self.group("first"), "second": self.group("second"),
            "at_least": given["at_least"], "at_most": given["at_most"],
        }  # fmt: skip

    @classmethod
    def of(cls, terms: LongerContext) -> dict[str, Any]:
        sides = {**spread("first", terms.first), **spread("second", terms.second)}
        return {**sides, "at_least": terms.at_least, "at_most": terms.at_most}


class CheaperForm(ClaimForm):
    """`Cheaper`."""

    test, title = "cheaper", "Self-hosting is cheaper"
    about = "by measured throughput and the catalogue’s prices, over a range of prices of a GPU hour"
    suite = forms.CharField(max_length=120, label="Suite", help_text="Its best models are meant: parity-core@1")
    model = forms.CharField(max_length=200, required=False, label="Own model", help_text="Empty: the best timed one")
    api = forms.CharField(max_length=200, required=False, label="API’s model", help_text="Empty: the best priced one")
    least = forms.FloatField(min_value=0, max_value=99.99, label="At least % cheaper")
    most = forms.FloatField(min_value=0, max_value=99.99, label="As claimed, up to %")
    hardware = forms.CharField(max_length=80, label="GPU", help_text="A part of its name, such as H100")
    price_low = forms.FloatField(min_value=0.0001, label="GPU hour from, dollars")
    price_high = forms.FloatField(min_value=0.0001, label="GPU hour up to, dollars")
    requests = forms.FloatField(min_value=1, max_value=1e15, label="Requests a month")
    NAMES: ClassVar = ("suite", "model", "api", "least", "most", "hardware", "price_low", "price_high", "requests")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for low, high in (("least", "most"), ("price_low", "price_high")):
            if given.get(low) is not None and given.get(high) is not None and given[high] < given[low]:
                self.add_error(high, "It is less than the number before it.")
        return given

    def terms(self) -> dict[str, Any]:
        return {"test": self.test, **{name: self.cleaned_data[name] for name in self.NAMES}}

    @classmethod
    def of(cls, terms: Cheaper) -> dict[str, Any]:
        values = {name: getattr(terms, name) for name in cls.NAMES}
        return {name: plain(value) if isinstance(value, float) else value for name, value in values.items()}


def reason() -> forms.CharField:
    """Why a claim is amended; only then is it asked for."""
    return forms.CharField(max_length=1_000, label="Reason", help_text="Why it is amended: the changelog shows it")


FORMS: Mapping[str, type[ClaimForm]] = {one.test: one for one in (NotBehindForm, CheaperForm, LongerContextForm)}


def form_of(terms: Terms) -> type[ClaimForm]:
    """The form of a test's kind."""
    return next(one for one in FORMS.values() if one.test == type(terms).__struct_config__.tag)
