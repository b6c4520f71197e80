"""Two to eight evaluations of one suite, task by task and in all: who is better than the base, and how sure that is."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from leaderboard.models import Revision, Submission, Suite, SuiteTask
from leaderboard.queries.columns import Scale, scale
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.measured import Cell, Measured, measured
from leaderboard.queries.noise import Limits
from leaderboard.queries.pairing import Pair, Pairing, needed
from leaderboard.queries.selection import suite_named
from leaderboard.statistics.intervals import share_interval
from leaderboard.statistics.many import compare_many
from leaderboard.statistics.power import more_items
from leaderboard.statistics.verdict import Comparison, Verdict, Word, compare_suites, family

LEAST, MOST = 2, 8
MARGIN, WIDEST = 1.0, 50.0
"""Points: the margin where none is chosen, and the largest."""
NAMES = 200
QUERY_LIMIT = 4_000
NUMBER = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")


class DifferentItems(BadQuery):
    """No two of the evaluations can be paired on any task."""

    status = 409

    def __init__(self, message: str) -> None:
        super().__init__("items", message)
        self.code = "different_items"


@dataclass(frozen=True)
class Against:
    """One evaluation against the base, in points: `verdict` is None, with the reason, where there is no test.

    `low` and `high` enclose the difference at 95 %. `partial`: only some of the items are common. `tasks` counts the
    tasks that went in. `noise`: two runs of one model may differ by so many points on these machines; None where nobody
    knows (`queries.noise`). `more`: so many further items would separate them; None where they are, infinite where
    nothing would.
    """

    verdict: Verdict | None
    reason: str = ""
    partial: bool = False
    tasks: int = 1
    sign: int = 1
    noise: float | None = None

    @property
    def comparison(self) -> Comparison:
        assert self.verdict is not None
        return self.verdict.comparison

    @property
    def difference(self) -> float:
        """Of the scores as they are printed: where lower is better, a better model has a negative one."""
        return 100 * self.sign * self.comparison.difference

    @property
    def low(self) -> float:
        return 100 * (self.comparison.low if self.sign > 0 else -self.comparison.high)

    @property
    def high(self) -> float:
        return 100 * (self.comparison.high if self.sign > 0 else -self.comparison.low)

    @property
    def p(self) -> float:
        """Adjusted, of the hypothesis that decides: for "equivalent" that they are a margin apart, else "no
        difference"."""
        assert self.verdict is not None
        return self.verdict.p_equivalent if self.verdict.word == Word.EQUIVALENT else self.verdict.p_unequal

    @property
    def within_noise(self) -> bool:
        """Whether the machines alone may have made the difference."""
        return self.verdict is not None and self.noise is not None and abs(self.difference) < self.noise

    @property
    def more(self) -> float | None:
        if self.verdict is None or self.verdict.word != Word.UNDECIDED:
            return None
        one = self.comparison
        found = float(more_items(one.difference, one.stderr * math.sqrt(one.n), one.n))
        return found or None


@dataclass(frozen=True)
class Entry:
    """A model's cell of a task; `against` is None for the base itself."""

    of: Measured
    cell: Cell
    against: Against | None

    @property
    def points(self) -> float | None:
        return None if self.cell.score is None else 100 * self.cell.score

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %, in points."""
        score, stderr, n = self.cell.score, self.cell.stderr, self.cell.n
        if score is None or stderr is None or not n:
            return None
        found = share_interval(score, stderr, n)
        return 100 * float(found.low), 100 * float(found.high)


@dataclass(frozen=True)
class Row:
    task: SuiteTask
    entries: list[Entry]


@dataclass(frozen=True)
class Standing:
    """One evaluation in all: its suite score, and how it differs from the base over the tasks that can be paired."""

    of: Measured
    against: Against | None


@dataclass(frozen=True)
class Compared:
    """Everything on the page. `margin` in points."""

    suite: Suite
    base: Measured
    margin: float
    models: list[Measured]
    standings: list[Standing]
    rows: list[Row]

    @cached_property
    def scale(self) -> Scale:
        """One axis for all tasks' scores."""
        ends = [end for row in self.rows for one in row.entries for end in one.interval or points_of(one)]
        return scale(min(ends, default=None), max(ends, default=None))

    @cached_property
    def reach(self) -> float:
        """How far the axis of differences goes to either side of 0, in points."""
        found = [one.against for one in self.standings if one.against and one.against.verdict]
        furthest = max([abs(end) for one in found for end in (one.low, one.high)] + [2 * self.margin, 1.0])
        return float(next((step for step in (1, 2, 5, 10, 15, 20, 30, 50) if step >= furthest), 100))

    @cached_property
    def paired(self) -> bool:
        return any(one.against and one.against.verdict for one in self.standings)

    @cached_property
    def methods(self) -> set[str]:
        every = [entry.against for row in self.rows for entry in row.entries]
        return {one.comparison.method for one in every if one and one.verdict}

    @cached_property
    def partly(self) -> bool:
        return any(entry.against and entry.against.partial for row in self.rows for entry in row.entries)

    def address(self, *, without: str = "", base: str = "") -> str:
        """The query string of this comparison, with another base or without a model. Ids, so that it keeps meaning."""
        kept = [one.id for one in self.models if one.id != without]
        base = base or self.base.id
        named = [("suite", self.suite.slug), *(("m", one) for one in kept)]
        named += [("base", base)] if base in kept[1:] else []
        named += [("margin", f"{self.margin:g}")] if self.margin != MARGIN else []
        return f"?{urlencode(named)}"


def points_of(entry: Entry) -> tuple[float, ...]:
    return () if entry.points is None else (entry.points,)


def compare(*, asked: Sequence[str], suite: str = "", base: str = "", margin: str = "") -> Compared:
    """Compare 2 to 8 evaluations (`queries.measured` says how they are named), each with `base`, by default the first.

    Task by task on common items; over the suite on all tasks that can be paired. Two families for Holm: all task
    comparisons together, and those of the suite. Raises BadQuery, Missing, OtherSuite.
    """
    if not LEAST <= len(asked) <= MOST:
        raise BadQuery("m", f"A comparison is of {LEAST} to {MOST} models, not of {len(asked)}.")
    width = margin_of(margin)
    models = measured(asked, suite=suite)
    first = (
        models[0] if not base else next((m for m, one in zip(models, asked, strict=True) if base in (m.id, one)), None)
    )
    if first is None:
        raise BadQuery("base", f"The base is one of the models compared, not {base[:80]!r}.")
    chosen = first.suite
    tasks = list(chosen.tasks.all())
    rest = [one for one in models if one is not first]
    pairs = paired(tasks, first, rest)
    verdicts = tested({at: one for at, one in pairs.items() if isinstance(one, Pair)}, width / 100)
    limits = Limits(chosen, models)
    against = {
        (task.task, one.id): described(
            pairs[task.task, one.id], verdicts.get((task.task, one.id)), sign_of(task), limits.of(first, one, task.task)
        )
        for task in tasks
        for one in rest
    }
    whole = overall(chosen, tasks, rest, pairs, width / 100)
    for one in rest:
        if whole[one.id].tasks == len(tasks):  # else it is no difference of suite scores
            whole[one.id] = replace(whole[one.id], noise=limits.of(first, one))
    return Compared(
        suite=chosen,
        base=first,
        margin=width,
        models=models,
        standings=[Standing(one, whole.get(one.id)) for one in models],
        rows=[
            Row(task, [Entry(one, one.cell(task), against.get((task.task, one.id))) for one in models])
            for task in tasks
        ],
    )


def margin_of(text: str) -> float:
    """Points; raises BadQuery."""
    if not text:
        return MARGIN
    if not NUMBER.fullmatch(text) or float(text) > WIDEST:
        raise BadQuery("margin", f"A margin is a number of points from 0 to {WIDEST:g}, not {text[:40]!r}.")
    return float(text)


At = tuple[str, str]
"""A task's name and an evaluation's id."""


def sign_of(task: SuiteTask) -> int:
    return 1 if task.higher_is_better else -1


def paired(tasks: list[SuiteTask], base: Measured, rest: list[Measured]) -> dict[At, Pair | str]:
    """Each task of each evaluation on the items that it shares with the base, or why not."""
    cells = {(task.task, one.id): (one.cell(task), base.cell(task)) for task in tasks for one in rest}
    pairing = Pairing(needed(cells.values()))
    return {(task.task, one.id): pairing.pair(task, *cells[task.task, one.id]) for task in tasks for one in rest}


def tested(pairs: dict[At, Pair], margin: float) -> dict[At, Verdict]:
    """All task comparisons as one family."""
    found = compare_many([(one.first, one.second) for one in pairs.values()], margin=margin)
    return dict(zip(pairs, family(found), strict=True))


def described(pair: Pair | str, verdict: Verdict | None, sign: int, noise: float | None) -> Against:
    if isinstance(pair, str):
        return Against(None, reason=pair)
    return Against(verdict, partial=pair.partial, sign=sign, noise=noise)


def overall(
    suite: Suite, tasks: list[SuiteTask], rest: Iterable[Measured], pairs: dict[At, Pair | str], margin: float
) -> dict[str, Against]:
    """Each evaluation against the base over the tasks that can be paired: the difference of their mean scores there."""
    usable = {
        one.id: [(task, pair) for task in tasks if isinstance(pair := pairs[task.task, one.id], Pair)] for one in rest
    }
    some = {one: found for one, found in usable.items() if found}
    comparisons = [
        compare_suites(
            [(pair.first, pair.second) for _, pair in found],
            margin=margin,
            weights=[1 / len(found) / ((1 - task.baseline) if suite.normalise else 1) for task, _ in found],
        )
        for found in some.values()
    ]
    verdicts = dict(zip(some, family(comparisons), strict=True))
    return {
        one: Against(
            verdicts.get(one),
            reason="" if found else nothing({str(pairs[task.task, one]) for task in tasks}),
            partial=any(pair.partial for _, pair in found),
            tasks=len(found),
        )
        for one, found in usable.items()
    }


def nothing(reasons: set[str]) -> str:
    """Why no task could be paired."""
    return reasons.pop() if len(reasons) == 1 else "no task has items in common"


def refuse_unpaired(found: Compared) -> None:
    """Raise DifferentItems when no comparison was possible at all."""
    if not found.paired:
        reasons = sorted({one.against.reason for one in found.standings if one.against})
        raise DifferentItems(f"Nothing can be compared item by item with {found.base.name}: {'; '.join(reasons)}.")


@dataclass(frozen=True)
class Choices:
    """What the form offers: suites, models of the chosen one by name, and what is chosen already."""

    suite: Suite
    suites: list[Suite]
    names: list[str]
    chosen: list[Measured]


def choices(*, asked: Sequence[str], suite: str = "") -> Choices:
    """For choosing what to compare with the one evaluation that is there, if any. Raises as `measured`."""
    chosen = measured(asked, suite=suite)
    of = chosen[0].suite if chosen else suite_named(suite)
    ours = Submission.objects.filter(suite=of, state=Submission.State.SUCCEEDED)
    named = Revision.objects.filter(submissions__in=ours) | Revision.objects.filter(
        imported__suite=of, imported__superseded_at=None
    )
    names = named.order_by("model__name").values_list("model__name", flat=True).distinct()[:NAMES]
    return Choices(of, list(Suite.objects.all()), list(names), chosen)
