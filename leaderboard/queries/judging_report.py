"""What judges and persons say of two models' answers: wins with a paired test, the sway of the order, agreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from evaluator.contract import Spent
from leaderboard.judging.forms import GRADES, HIGHEST, LOWEST, PAIRS
from leaderboard.models import Grade, Judge, Judging
from leaderboard.queries.bakeoff_report import spent_of
from leaderboard.queries.bakeoffs import Course, Entrant
from leaderboard.queries.compare import Against
from leaderboard.queries.judgings import Bench, benches
from leaderboard.statistics.agreement import Agreement, agreement
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.judging import (
    Codes,
    Outcome,
    Sway,
    Tally,
    by_grades,
    codes,
    preferred,
    settled,
    sway,
    tally,
)
from leaderboard.statistics.many import compare_many
from leaderboard.statistics.paired import Answers
from leaderboard.statistics.switching import Quality
from leaderboard.statistics.verdict import Comparison, Verdict, family

FEW_GRADED = 30
"""Items graded by a person, under which a judge is called hardly checked."""
MANY_UNREADABLE = 0.1


@dataclass(frozen=True)
class Rater:
    """Who judged: a judge model, or a person.

    `outcomes` (n,) are the items' outcomes by model; a person's are unreadable where they graded nothing. `verdict` is
    of the first model against the second, None where too few could be read; `sway` is None for persons and grades.
    `grades`: the mean grade of either model, of a judge that grades.
    """

    name: str
    outcomes: Codes
    tally: Tally
    entrant: Entrant | None = None
    judge: Judge | None = None
    sway: Sway | None = None
    grades: tuple[float, float] | None = None
    against: Against | None = None

    @property
    def person(self) -> bool:
        return self.judge is None

    @property
    def won(self) -> tuple[float, float, float]:
        """Percent of the items that could be read: won by the first model, tied, won by the second."""
        one = self.tally
        return (100 * one.wins / one.n, 100 * one.ties / one.n, 100 * one.losses / one.n) if one.n else (0.0, 0.0, 0.0)

    @property
    def spent(self) -> Spent | None:
        return spent_of(self.entrant) if self.entrant else None

    @property
    def unreadable_share(self) -> float:
        return self.tally.unreadable / len(self.outcomes) if len(self.outcomes) and not self.person else 0.0

    @property
    def hardly_readable(self) -> bool:
        return self.unreadable_share > MANY_UNREADABLE


@dataclass(frozen=True)
class Agreed:
    """Two raters on the items that both rated."""

    first: Rater
    second: Rater
    found: Agreement

    @property
    def by_chance(self) -> bool:
        """Whether they may agree no better than chance, for all that is known."""
        return self.found.kappa is not None and self.found.kappa_low is not None and self.found.kappa_low <= 0


@dataclass(frozen=True)
class Judged:
    """One judging as it stands; `margin` in points of the share of items won."""

    bench: Bench
    raters: list[Rater]
    agreed: list[Agreed]
    margin: float

    @property
    def judging(self) -> Judging:
        return self.bench.judging

    @property
    def pairs(self) -> bool:
        return self.judging.form == PAIRS

    @property
    def persons(self) -> list[Rater]:
        return [one for one in self.raters if one.person]

    @property
    def graded(self) -> int:
        """Items that the person who graded most has graded."""
        return max([one.tally.n for one in self.persons], default=0)

    @property
    def calibrated(self) -> bool:
        return self.graded >= FEW_GRADED

    @property
    def kin(self) -> list[str]:
        """What judges have in common with the models that they judge."""
        return list(dict.fromkeys(said for judge, _ in self.bench.judges for said in judge.kin))

    @cached_property
    def reach(self) -> float:
        """How far the axis of differences goes to either side of 0, in points."""
        found = [one.against for one in self.raters if one.against and one.against.verdict]
        furthest = max([abs(end) for one in found for end in (one.low, one.high)] + [2 * self.margin, 1.0])
        return float(next((step for step in (1, 2, 5, 10, 15, 20, 30, 50) if step >= furthest), 100))


def judged(course: Course, margin: float, only: Sequence[Bench] | None = None) -> list[Judged]:
    """All judgings of a bake-off, or `only` some; their tests are one family (Holm). 4 queries."""
    listed = benches(course) if only is None else list(only)
    if not listed:
        return []
    graded: dict[int, dict[str, dict[int, int]]] = {}
    rows = Grade.objects.filter(judging__in=[one.judging for one in listed])
    for judging, grader, number, outcome in rows.values_list("judging", "grader__username", "number", "outcome"):
        graded.setdefault(judging, {}).setdefault(grader, {})[number] = outcome
    raters = [
        [*judges_of(one), *(person(one.judging, name, said) for name, said in graded.get(one.judging.pk, {}).items())]
        for one in listed
    ]
    tested = verdicts([rater for some in raters for rater in some], listed, raters, margin)
    return [Judged(one, some, agreed(some), margin) for one, some in zip(listed, tested, strict=True)]


def judges_of(bench: Bench) -> list[Rater]:
    """Those whose replies have been read."""
    found = []
    for judge, entrant in bench.judges:
        if judge.codes is None:
            continue
        straight, swapped = np.split(codes(judge.codes), 2)
        if bench.judging.form == PAIRS:
            outcomes, swayed, means = settled(straight, swapped), sway(straight, swapped), None
        else:
            outcomes, swayed = by_grades(straight, swapped), None
            means = grade_means(straight, swapped)
        found.append(Rater(entrant.name, outcomes, tally(outcomes), entrant, judge, swayed, means))
    return found


def most_careful(course: Course, margin: float, number: int, base: int) -> Quality | None:
    """What the judge says of model `number` against `base` that says least for it, leaving out those that judge their
    own; None where no other has compared them."""
    found = [
        quality(rater.against, turned=one.bench.first.number == base)
        for one in judged(course, margin)
        if {one.bench.first.number, one.bench.second.number} == {number, base}
        for rater in one.raters
        if rater.judge is not None and not rater.judge.kin and rater.against is not None
    ]
    return min(found, key=lambda one: one.low, default=None)


def quality(told: Against, *, turned: bool) -> Quality:
    """Points of the share of prompts won; `turned`: of the second model against the first."""
    n, stderr = told.comparison.n, 100 * told.comparison.stderr
    if turned:
        return Quality(-told.difference, -told.high, -told.low, stderr, n)
    return Quality(told.difference, told.low, told.high, stderr, n)


def grade_means(first: Codes, second: Codes) -> tuple[float, float] | None:
    """Of the items on which both grades could be read."""
    read = (first > 0) & (second > 0)
    return (float(first[read].mean()), float(second[read].mean())) if read.any() else None


def person(judging: Judging, name: str, said: dict[int, int]) -> Rater:
    outcomes = np.zeros(judging.n, dtype=np.uint8)
    for number, outcome in said.items():
        outcomes[number] = outcome
    return Rater(name, outcomes, tally(outcomes)._replace(unreadable=0))


def verdicts(
    flat: Sequence[Rater], listed: Sequence[Bench], raters: Sequence[Sequence[Rater]], margin: float
) -> list[list[Rater]]:
    """The same raters with their tests, all one family."""
    forms = {id(one): bench.judging.form for bench, some in zip(listed, raters, strict=True) for one in some}
    compared: list[tuple[int, Comparison]] = []
    for one in flat:
        found = comparison(one, forms[id(one)], margin)
        if found is not None:
            compared.append((id(one), found))
    told: dict[int, Verdict] = dict(
        zip([key for key, _ in compared], family([found for _, found in compared]), strict=True)
    )
    return [
        [Rater(**{**vars(one), "against": Against(told[id(one)]) if id(one) in told else None}) for one in some]
        for some in raters
    ]


def comparison(one: Rater, form: str, margin: float) -> Comparison | None:
    """Of wins and losses; of grades, their paired differences on a scale from 0 to 1."""
    if form == GRADES and one.judge is not None and one.judge.codes is not None:
        first, second = (scaled(part) for part in np.split(codes(one.judge.codes), 2))
        read = ~np.isnan(first) & ~np.isnan(second)
        if read.sum() < 2:
            return None
        return compare_many([(Answers("", first[read]), Answers("", second[read]))], margin=margin / 100)[0]
    return preferred(one.tally, margin=margin / 100)


def scaled(grades: Codes) -> Floats:
    """Grades as fractions of the scale, NaN where there is none."""
    found = (grades.astype(float) - LOWEST) / (HIGHEST - LOWEST)
    return np.where(grades == 0, np.nan, found)


def agreed(raters: Sequence[Rater]) -> list[Agreed]:
    """Every two raters, on the items of which both said something: who won, or that nobody did."""
    found = []
    for first, second in combinations(raters, 2):
        both = (first.outcomes != Outcome.UNREADABLE) & (second.outcomes != Outcome.UNREADABLE)
        if both.any():
            one, other = (rater.outcomes[both].astype(int) - 1 for rater in (first, second))
            found.append(Agreed(first, second, agreement(one, other, 3)))
    return found
