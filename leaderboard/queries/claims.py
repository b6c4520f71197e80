"""Every claim with what the measurements say of it now: supported, refuted, or not yet measured, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Max

from leaderboard.claims.terms import At, BadTerms, Cheaper, Group, LongerContext, NotBehind, Terms, read
from leaderboard.models import Audit, Claim, Price, Snapshot
from leaderboard.queries.claim_costs import cheaper
from leaderboard.queries.claim_rows import Best, NotThere, bests, group_words, pairs, place_of
from leaderboard.queries.context import Tried, tried_contexts
from leaderboard.queries.errors import Missing
from leaderboard.queries.lately import lately
from leaderboard.statistics.claims import Bounds, Outcome, Read, longer, not_behind
from leaderboard.statistics.many import compare_many
from leaderboard.statistics.paired import Answers
from leaderboard.statistics.verdict import compare_suites

ALPHA = 0.05


@dataclass(frozen=True)
class Evidence:
    """One comparison behind an outcome: both rows by their ids, and the numbers. `unit`: "points", "%", "tokens"."""

    what: str
    first: str
    first_name: str
    second: str
    second_name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    items: int = 0


@dataclass(frozen=True)
class Judged:
    """A claim, its test in words, and what follows."""

    claim: Claim
    test: str
    outcome: Outcome
    why: str
    evidence: list[Evidence] = field(default_factory=list)


class State(NamedTuple):
    """What claims are judged by, beside their terms: newer rankings, statements and prices change them."""

    claims: tuple[int, ...]
    rankings: tuple[tuple[int, str], ...]
    audit: int
    price: int


def state() -> State:
    """4 queries."""
    public = Snapshot.objects.filter(suite__owner=None)
    newest = public.order_by("suite_id", "-id").distinct("suite_id").values_list("suite_id", "digest")
    return State(
        tuple(Claim.objects.filter(withdrawn_at=None).order_by("pk").values_list("pk", flat=True)),
        tuple(newest),
        Audit.objects.aggregate(newest=Max("pk"))["newest"] or 0,
        Price.objects.aggregate(newest=Max("pk"))["newest"] or 0,
    )


@lately
def state_lately() -> State:
    """As readers are shown it."""
    return state()


def claims() -> list[Judged]:
    """All that are not withdrawn, in the order in which they were stated."""
    return judged_at(state_lately())


def judged_at(found: State) -> list[Judged]:
    """The claims of a state of the site, judged once for it."""
    return judged_all(found) if settings.BOARD_STATE_SECONDS else [judged(one) for one in current(found)]


def claim(slug: str) -> Judged:
    """One by its slug; raises Missing."""
    for one in claims():
        if one.claim.slug == slug:
            return one
    raise Missing("claim", f"There is no claim {slug[:80]!r}.")


@lru_cache(maxsize=4)
def judged_all(found: State) -> list[Judged]:
    return [judged(one) for one in current(found)]


def current(found: State) -> list[Claim]:
    return list(Claim.objects.filter(pk__in=found.claims).select_related("stated_by"))


def judged(one: Claim) -> Judged:
    """A claim as it stands."""
    try:
        terms = read(one.terms)
    except BadTerms as error:
        return Judged(one, "Its terms cannot be read any more.", Outcome.NOT_YET, str(error))
    test = test_words(terms)
    try:
        outcome, why, evidence = TESTS[type(terms)](terms)
    except NotThere as missing:
        return Judged(one, test, Outcome.NOT_YET, str(missing))
    return Judged(one, test, outcome, why, evidence)


Finding = tuple[Outcome, str, list[Evidence]]


def behind(terms: NotBehind) -> Finding:
    """`NotBehind`: over the mean of the tasks, or on each of them."""
    asked: list[Sequence[At]] = [terms.tasks] if terms.over == "mean" else [[one] for one in terms.tasks]
    level = ALPHA / len(asked)
    found: list[Bounds] = []
    evidence = []
    for tasks in asked:
        place, names = place_of(tasks[0].suite), [one.task for one in tasks]
        first, second = bests(place, names, [terms.first, terms.second])
        both = pairs(place, names, first, second)
        bounds, items = bounded(both, level)
        found.append(bounds)
        titles = [place.tasks[one].title for one in place.positions(names)]
        evidence.append(against(" and ".join(titles), first, second, bounds, items))
    outcome = not_behind(found, terms.margin)
    return outcome, said(terms, outcome, evidence), evidence


def bounded(both: Sequence[tuple[Answers, Answers]], level: float) -> tuple[Bounds, int]:
    """First minus second in points: one task by McNemar or t, several by the t of their mean."""
    if len(both) > 1:
        plain, wide = (compare_suites(both, margin=0.0, alpha=alpha) for alpha in (ALPHA, level))
    else:
        plain, wide = (compare_many(both, margin=0.0, alpha=alpha)[0] for alpha in (ALPHA, level))
    return Bounds(100 * plain.difference, 100 * plain.low, 100 * plain.high, 100 * wide.high), plain.n


def against(what: str, first: Best, second: Best, found: Bounds, items: int) -> Evidence:
    return Evidence(
        what, first.key, first.model, second.key, second.model, found.difference, found.low, found.high, "points", items
    )


def said(terms: NotBehind, outcome: Outcome, evidence: Sequence[Evidence]) -> str:
    if outcome == Outcome.SUPPORTED:
        return f"Every interval lies above −{terms.margin:g} points."
    if outcome == Outcome.REFUTED:
        worst = min(evidence, key=lambda one: one.high if one.high is not None else 0.0)
        return f"On {worst.what} it is surely more than {terms.margin:g} points behind."
    return f"It is measured, but not exactly enough: an interval holds −{terms.margin:g} points."


def contexts(terms: LongerContext) -> Finding:
    """`LongerContext`, by every model of which lengths were measured."""
    tried = tried_contexts()
    first, second = ([one for one in tried if member(one, group)] for group in (terms.first, terms.second))
    if not first or not second:
        lacking = terms.first if not first else terms.second
        raise NotThere(f"No {group_words(lacking)} has a measured context yet; that takes a suite of RULER's lengths.")
    outcome = longer(
        [Read(one.measured, one.longest) for one in first], [Read(one.measured, one.longest) for one in second],
        least=terms.at_least, most=terms.at_most,
    )  # fmt: skip
    tops = [max(of, key=lambda one: (one.measured or 0, one.longest)) for of in (first, second)]
    evidence = [
        Evidence(
            f"the longest that a {group_words(group)} reads; tried up to {top.longest:,} tokens",
            f"s{top.submission}", top.model, "", "", float(top.measured or 0), None, None, "tokens",
        )
        for top, group in zip(tops, (terms.first, terms.second), strict=True)
    ]  # fmt: skip
    longest = [max(one.longest for one in of) for of in (first, second)]
    why = {
        Outcome.SUPPORTED: "The first side reads so much, and the second was tried with more than it reads.",
        Outcome.REFUTED: "A measured context contradicts it.",
        Outcome.NOT_YET: f"The longest texts tried have {longest[0]:,} and {longest[1]:,} tokens: too short to decide.",
    }[outcome]
    return outcome, why, evidence


def member(one: Tried, group: Group) -> bool:
    return (
        group.model in ("", one.model)
        and group.kind in ("", one.kind)
        and (group.least_parameters is None or (one.parameters or 0) >= group.least_parameters)
        and (group.most_parameters is None or (one.parameters or float("inf")) <= group.most_parameters)
    )


def costs(terms: Cheaper) -> Finding:
    """`Cheaper`, by the calculator of /tco."""
    found = cheaper(terms)
    evidence = Evidence(
        f"saved of a month of {terms.requests:,.0f} requests, at {terms.price_low:g} to {terms.price_high:g} dollars "
        "for a GPU hour",
        found.host_key, found.host, found.api_key, found.api, None, found.low, found.high, "%",
    )  # fmt: skip
    return found.outcome, found.why, [evidence]


TESTS: dict[type[Terms], Callable[[Any], Finding]] = {NotBehind: behind, LongerContext: contexts, Cheaper: costs}


def test_words(terms: Terms) -> str:
    """The test in words, as a reader can repeat it."""
    if isinstance(terms, NotBehind):
        tasks = ", ".join(f"{one.task} of {one.suite}" for one in terms.tasks)
        over = "the mean of" if terms.over == "mean" and len(terms.tasks) > 1 else "each of" if terms.tasks[1:] else ""
        return (
            f"The best {group_words(terms.first)} minus the best {group_words(terms.second)} on {over} {tasks}, on "
            f"identical items. Supported when the 95 % interval lies above −{terms.margin:g} points; refuted when it "
            "lies below" + (", corrected for several tasks." if len(terms.tasks) > 1 and terms.over == "each" else ".")
        ).replace("  ", " ")
    if isinstance(terms, LongerContext):
        return (
            "The longest measured context (RULER: the longest length with 90 % of the shortest one’s score). Supported "
            f"when a {group_words(terms.first)} reads {terms.at_least:,} tokens and no {group_words(terms.second)} "
            f"that was tried with more reads over {terms.at_most:,}; refuted when one does, or none of the first reads "
            "so much although all were tried."
        )
    return (
        f"A month of {terms.requests:,.0f} requests by the calculator’s defaults: a model on {terms.hardware}, as fast "
        f"as our own runs measured it, against an API at its catalogue price. Supported when it saves at least "
        f"{terms.least:g} % for every price of a GPU hour from {terms.price_low:g} to {terms.price_high:g} dollars; "
        "refuted when for none."
    )
