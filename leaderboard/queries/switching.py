"""Can I switch? A bake-off's answer for one of its models, and what was asked for beside quality."""

from collections.abc import Mapping
from dataclasses import dataclass

from leaderboard.models import Model
from leaderboard.queries.bakeoff_report import DEAREST, WIDEST, Line, Report, number
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.judging_report import most_careful
from leaderboard.queries.models import context_of
from leaderboard.statistics.switching import Check, Decision, Quality, decide, limit_check, one_of_check

LONGEST = 10**8
MODALITIES = ("text", "image", "audio", "video")


@dataclass(frozen=True)
class Wishes:
    """What the one that takes over has to be; None and () ask for nothing. Dollars for 1,000 requests."""

    margin: float
    to: int
    context: float | None = None
    budget: float | None = None
    licences: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Switch:
    """`of` takes the baseline's place, or not."""

    report: Report
    wishes: Wishes
    of: Line
    decision: Decision


def wishes_of(query: Mapping[str, str], lists: Mapping[str, list[str]], report: Report) -> Wishes:
    """What an address asks for; raises BadQuery, Missing while no two models were measured."""
    rest = [one for one in report.lines if not one.is_base]
    if not rest:
        raise Missing("models", "Whether to switch can be said once two models have been measured.")
    text = query.get("to", "").strip() or str(best(rest).entrant.number)
    to = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if to not in [one.entrant.number for one in rest]:
        raise BadQuery("to", f"It is the number of a measured model other than the baseline, not {text[:40]!r}.")
    margin = number(query, "margin", WIDEST)
    return Wishes(
        margin=report.margin if margin is None else margin, to=to, context=number(query, "context", LONGEST),
        budget=number(query, "budget", DEAREST),
        licences=chosen(lists, "licence", Model.LicenceFamily.values), modalities=chosen(lists, "modality", MODALITIES),
    )  # fmt: skip


def best(lines: list[Line]) -> Line:
    return max(lines, key=lambda one: one.score)


def chosen(lists: Mapping[str, list[str]], name: str, known: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(one for one in lists.get(name, []) if one)
    for one in found:
        if one not in known:
            raise BadQuery(name, f"{name} is some of {', '.join(known)}, not {one[:40]!r}.")
    return found


def by_judges(report: Report, wishes: Wishes) -> Quality:
    """Raises BadQuery while no judge has compared the two."""
    assert report.base is not None
    found = most_careful(report.course, wishes.margin, wishes.to, report.base.entrant.number)
    if found is None:
        raise BadQuery(
            "to", "These answers are scored by judges, and none has compared the two: have them judged first."
        )
    return found


def switch(report: Report, wishes: Wishes) -> Switch:
    """The answer; raises BadQuery where the two were measured on different items."""
    of = next(one for one in report.lines if one.entrant.number == wishes.to)
    if of.against is None or of.against.verdict is None:
        raise BadQuery("to", "The two were measured on different items.")
    against = of.against
    told = against.comparison
    quality = Quality(against.difference, against.low, against.high, 100 * told.stderr, told.n)
    if report.course.judged:
        quality = by_judges(report, wishes)
    revision = of.entrant.submission.revision
    assert revision is not None  # it was measured
    model = revision.model
    others = [
        limit_check(
            "context", context_of(model, revision), wishes.context, most=False, unit="tokens of context",
            unknown="Nobody states how long its context is.",
        ),
        one_of_check(
            "licence", [model.licence_family] if model.licence_family else [], wishes.licences, every=False,
            unknown="Nobody states its licence.",
        ),
        one_of_check(
            "modality", model.modalities, wishes.modalities, every=True, unknown="Nobody states what it reads."
        ),
        limit_check(
            "cost", of.cost, wishes.budget, most=True, unit="dollars for 1,000 requests", unknown=of.cost_why,
        ),
    ]  # fmt: skip
    return Switch(report, wishes, of, decide(quality, wishes.margin, [one for one in others if isinstance(one, Check)]))
