"""The gap: the best open-weights and the best proprietary model by release date, on identical items.

Lines rise where a model scores more than every one released before it. What was measured here and what was imported
are lines of their own; only measured rows that answered the same items are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leaderboard.columnar.table import Columns
from leaderboard.models import Snapshot, Suite, SuiteTask
from leaderboard.queries.columns import task_values
from leaderboard.queries.gap_tests import Answered, Step, Today, answers, today
from leaderboard.queries.same_items import ItemsOf, Numbers, Places, Side, Signature, common
from leaderboard.queries.selection import suite_named, view_of
from leaderboard.queries.snapshots import columns_of, newest
from leaderboard.statistics.ranks import Z95

OPEN, PROPRIETARY = "open", "proprietary"
SIDES = (OPEN, PROPRIETARY)
WORDS = {OPEN: "open-weights", PROPRIETARY: "proprietary"}
EPOCH = date(1970, 1, 1)
CEILING = 100.0


@dataclass(frozen=True)
class Line:
    """One side's record by release date, measured here or imported; `steps` by day, one at least."""

    side: str
    imported: bool
    steps: list[Step]

    @property
    def best(self) -> Step:
        return self.steps[-1]


@dataclass(frozen=True)
class Capability:
    """A task, or the whole suite (`task` None). `today` is None, with `missing` saying why, where nothing is compared.

    `lines` may be there without it: a side that was measured alone, and imported ones.
    """

    task: SuiteTask | None
    lines: list[Line]
    today: Today | None
    missing: list[str]

    @property
    def name(self) -> str:
        """As addresses and files have it."""
        return self.task.task if self.task else "suite"

    @property
    def title(self) -> str:
        return self.task.title if self.task else "Whole suite"

    def line(self, side: str, *, imported: bool = False) -> Line | None:
        return next((one for one in self.lines if (one.side, one.imported) == (side, imported)), None)

    @property
    def drawn(self) -> set[str]:
        """Which kinds of lines there are: measured ones by their sides, and "imported"."""
        return {"imported" if one.imported else one.side for one in self.lines}

    @property
    def measured(self) -> bool:
        """Whether there is a line of what was measured here."""
        return any(not one.imported for one in self.lines)

    @property
    def saturated(self) -> list[Step]:
        """The best measured ones whose intervals reach a perfect score: beyond them nothing can be told."""
        best = [one.best for one in self.lines if not one.imported]
        return [one for one in best if one.half is not None and one.perfect is not None and one.reaches]


@dataclass(frozen=True, eq=False)
class Gap:
    """The suite first, then each task. `left_out` says in words which rows are on no line, `as_of` is the ranking's
    day. There is one for each ranking: what was drawn of it is kept by it."""

    suite: Suite
    as_of: date | None
    capabilities: list[Capability]
    left_out: list[str] = field(default_factory=list)

    @property
    def whole(self) -> Capability:
        return self.capabilities[0]

    @cached_property
    def by_name(self) -> Mapping[str, Capability]:
        return {one.name: one for one in self.capabilities}


def gap(slug: str = "") -> Gap:
    """Of a suite's newest ranking, by default of the front page's; raises Missing."""
    suite = suite_named(slug)
    return gap_of(suite, list(suite.tasks.all()), newest(suite))


def gap_of(suite: Suite, tasks: list[SuiteTask], ranking: Snapshot | None) -> Gap:
    """Of one ranking, worked out once and kept with its columns: 2 queries, and one for each task on which some of the
    best rows answered other items."""
    if ranking is None:
        nothing = ["Nothing was ranked on this suite yet."]
        return Gap(suite, None, [Capability(task, [], None, nothing) for task in (None, *tasks)])
    return kept_gap(suite, tasks, columns_of(ranking), ranking.created_at)


def kept_gap(suite: Suite, tasks: list[SuiteTask], data: Columns, at: datetime) -> Gap:
    """Of the ranking with these columns, which was built `at`."""
    kept: dict[str, Gap] = data.kept.setdefault(kept_gap, {})
    if suite.slug not in kept:
        kept[suite.slug] = worked_out(suite, tasks, data, at.date())
    return kept[suite.slug]


def worked_out(suite: Suite, tasks: list[SuiteTask], data: Columns, as_of: date) -> Gap:
    rows = Rows(suite, tasks, data)
    capabilities: list[tuple[SuiteTask | None, Signature, list[Line]]] = []
    items = ItemsOf([task.pk for task in tasks])
    places: list[int | None] = [None, *range(len(tasks))]
    sides = {place: [rows.side(place, kind) for kind in SIDES] for place in places}
    items.read(one for of in sides.values() for side in of for one in side.leading())
    for place in places:
        task = None if place is None else tasks[place]
        shared = common(sides[place], items, places_of(place))
        lines = [*measured_lines(rows, place, sides[place], items, shared), *imported_lines(rows, place)]
        capabilities.append((task, shared, lines))
    found = answers(wanted(tasks, capabilities))
    return Gap(
        suite, as_of,
        [compared(suite, tasks, task, shared, lines, found, rows) for task, shared, lines in capabilities],
        rows.left_out,
    )  # fmt: skip


class Rows:
    """The rows of a ranking as the lines need them."""

    def __init__(self, suite: Suite, tasks: list[SuiteTask], data: Columns) -> None:
        self.suite, self.tasks, self.data = suite, tasks, data
        self.view = view_of(suite, "")
        self._values: dict[int | None, Numbers] = {}
        self._dated: dict[tuple[str, bool], npt.NDArray[np.intp]] = {}
        self.days = data.number("released_on")
        self.submissions = data.number("submission").astype(np.int64)
        self.imports = data.number("imported").astype(np.int64)
        kinds, flagged = data.choice("kind"), data.choice("flagged")
        self.kind = {side: kinds.codes == kinds.code(side) for side in SIDES if kinds.code(side) is not None}
        self.doubted = flagged.codes == flagged.code("yes") if flagged.code("yes") is not None else flagged.codes < -1
        self.here = (self.submissions > 0) & (data.number("rank") > 0)
        self.there = (self.imports > 0) & np.isfinite(data.number("score"))

    def values(self, place: int | None) -> Numbers:
        """Scores (n,), 0-100, as the board shows them."""
        if place not in self._values:
            self._values[place] = (
                self.data.number("score")
                if place is None
                else 100 * task_values(self.data, self.tasks[place], self.view)
            )
        return self._values[place]

    def errors(self, place: int | None) -> Numbers:
        """Their standard errors, NaN where nobody knows them."""
        if place is None:
            return self.data.number("stderr")
        column = f"stderr:{self.tasks[place].task}"
        shown = self.view != "normalised" and column in self.data.names
        return 100 * self.data.number(column) if shown else np.full(len(self.data), np.nan)

    def sign(self, place: int | None) -> int:
        return 1 if place is None or self.tasks[place].higher_is_better else -1

    def side(self, place: int | None, kind: str, *, imported: bool = False) -> Side:
        """The dated rows of one side that nobody doubts, by day."""
        values, dated = self.sign(place) * self.values(place), self.dated(kind, imported)
        at = dated[np.isfinite(values[dated])]
        return Side(at, self.days[at], values[at], self.submissions[at])

    def dated(self, kind: str, imported: bool) -> npt.NDArray[np.intp]:
        """The places of such rows, whatever their scores; sorted once for all tasks."""
        if (kind, imported) not in self._dated:
            chosen = (self.there if imported else self.here) & self.kind.get(kind, np.zeros(len(self.data), dtype=bool))
            at = np.flatnonzero(chosen & ~self.doubted & np.isfinite(self.days))
            self._dated[kind, imported] = at[np.argsort(self.days[at], kind="stable")]
        return self._dated[kind, imported]

    def step(self, row: int, place: int | None) -> Step:
        score, error = float(self.values(place)[row]), float(self.errors(place)[row])
        ours, theirs = int(self.submissions[row]), int(self.imports[row])
        perfect = CEILING if self.sign(place) > 0 else 0.0
        return Step(
            key=f"s{ours}" if ours else f"i{theirs}", submission=ours or None, model=self.data.text("model", row),
            day=EPOCH + timedelta(days=int(self.days[row])), score=score,
            half=None if error != error else Z95 * error, perfect=perfect,
        )  # fmt: skip

    def absent(self, kind: str) -> str:
        """Why a side has no measured line, in a sentence."""
        if kind in self.kind and bool((self.kind[kind] & self.here).any()):
            return f"No {WORDS[kind]} model that was measured here has a release date and a score of its own."
        return f"No {WORDS[kind]} model was measured here."

    @property
    def left_out(self) -> list[str]:
        """What is on no line, and why."""
        found = []
        for kind in SIDES:
            of = self.kind.get(kind)
            if of is None:
                continue
            for chosen, origin in ((self.here, "measured"), (self.there, "imported")):
                undated = int((of & chosen & ~np.isfinite(self.days)).sum())
                doubted = int((of & chosen & self.doubted & np.isfinite(self.days)).sum())
                if undated:
                    found.append(f"{undated:,} {origin} {WORDS[kind]} {rows(undated)} without a release date")
                if doubted:
                    found.append(f"{doubted:,} {origin} {WORDS[kind]} {rows(doubted)} flagged as doubtful")
        unranked = int(((self.submissions > 0) & ~self.here).sum())
        if unranked:
            found.append(f"{unranked:,} measured {rows(unranked)} without a rank")
        return found


def places_of(place: int | None) -> Places:
    return None if place is None else (place,)


def rows(number: int) -> str:
    return "row" if number == 1 else "rows"


def measured_lines(
    of: Rows, place: int | None, sides: Sequence[Side], items: ItemsOf, shared: Signature
) -> Iterator[Line]:
    """Both sides on the items that they share; where there are none, each side as it was measured."""
    for kind, side in zip(SIDES, sides, strict=True):
        found = side.steps_on(items, places_of(place), shared) if shared else side.steps()
        steps = [of.step(int(side.rows[one]), place) for one in found]
        if steps:
            yield Line(kind, False, steps)


def imported_lines(of: Rows, place: int | None) -> Iterator[Line]:
    for kind in SIDES:
        side = of.side(place, kind, imported=True)
        steps = [of.step(int(side.rows[one]), place) for one in side.steps()]
        if steps:
            yield Line(kind, True, steps)


def wanted(
    tasks: list[SuiteTask], found: Sequence[tuple[SuiteTask | None, Signature, list[Line]]]
) -> dict[int, set[int]]:
    """Task -> the submissions whose items are tested: every measured step of what both sides share."""
    keys: dict[int, set[int]] = {task.pk: set() for task in tasks}
    for task, shared, lines in found:
        steps = {one.submission for line in lines if not line.imported for one in line.steps if one.submission}
        if shared:
            for of in [task] if task else tasks:
                keys[of.pk] |= steps
    return {task: steps for task, steps in keys.items() if steps}


def compared(
    suite: Suite, tasks: list[SuiteTask], task: SuiteTask | None, shared: Signature, lines: list[Line],
    found: Answered, of: Rows,
) -> Capability:  # fmt: skip
    """A capability with what is to be said of both sides today."""
    here = {line.side: line for line in lines if not line.imported}
    missing = [of.absent(kind) for kind in SIDES if kind not in here]
    if not missing and not shared:
        missing.append("The two sides were not measured on the same items.")
    if missing:
        return Capability(task, lines, None, missing)
    told = today(suite, [task] if task else tasks, here[OPEN].steps, here[PROPRIETARY].steps, found, whole=task is None)
    return Capability(task, lines, told, [] if told else ["Their items are not kept."])
