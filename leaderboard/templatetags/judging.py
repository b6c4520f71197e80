"""Judgings in words and bars."""

from typing import Any

from django import template

from leaderboard.judging.forms import FORMS
from leaderboard.queries.bakeoff_report import Report
from leaderboard.queries.judging_report import Agreed, Judged, Rater, judged
from leaderboard.statistics.judging import Outcome
from leaderboard.templatetags.parity import visible

register = template.Library()
PERSON = "a person"
OUTCOMES = {
    Outcome.UNREADABLE: "could not be read", Outcome.FIRST: "says the first", Outcome.SECOND: "says the second",
    Outcome.TIE: "says neither",
}  # fmt: skip


@register.inclusion_tag("judging/section.html")
def judgings_of(found: Report, own: bool) -> dict[str, Any]:
    """What judges and persons say of a bake-off's answers; `own` False: for whoever has a link to the numbers."""
    return {
        "course": found.course, "found": found, "own": own, "judged": judged(found.course, found.margin),
        "may_judge": own and len(found.lines) > 1,
    }  # fmt: skip


@register.filter
def form_words(form: str) -> str:
    return FORMS[form]


@register.inclusion_tag("judging/split.html")
def split(one: Rater) -> dict[str, str]:
    """A bar of the items that the first model won, that were tied, and that the second won; 100 wide."""
    won, tied, lost = one.won
    return {name: f"{value:.2f}" for name, value in {
        "won": won, "tied": tied, "lost": lost, "tied_at": won, "lost_at": won + tied,
    }.items()}  # fmt: skip


@register.simple_tag
def rater_name(one: Rater, own: bool) -> str:
    """A person is named to the owner alone."""
    return visible(one.name) if own or not one.person else PERSON


@register.filter
def outcome_words(outcome: int) -> str:
    """What a rater made of an item."""
    return OUTCOMES[Outcome(outcome)]


@register.filter
def kappa_words(one: Agreed) -> str:
    """Cohen's kappa with its interval, "0.62 (0.41 to 0.83)", and why there is none."""
    found = one.found
    if found.kappa is None:
        return "not defined: both always say the same"
    return f"{found.kappa:.2f} ({found.kappa_low:.2f} to {found.kappa_high:.2f})".replace("-", "−")


@register.filter
def alike_words(one: Agreed) -> str:
    """ "78 % (66 to 87)"."""
    found = one.found
    return f"{100 * found.share:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


@register.filter
def checked_words(one: Judged) -> str:
    """Whether anybody has looked at whether the judges can be believed."""
    if not one.graded:
        return "Nobody has checked these verdicts. Grade some prompts blind to see how far you agree."
    if not one.calibrated:
        return f"Only {one.graded} prompts were graded by a person: agreement is hardly known yet."
    return ""
