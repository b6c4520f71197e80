"""Where the evaluations of one model stand in the newest ranking of every suite, task by task and within its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from leaderboard.columnar.table import Columns
from leaderboard.models import Imported, Snapshot, Suite, SuiteTask
from leaderboard.queries.columns import task_column
from leaderboard.queries.rows import Row, rows_of
from leaderboard.queries.selection import view_of
from leaderboard.queries.snapshots import AT_HAND, columns_of, newest
from leaderboard.statistics.ranks import Z95
from leaderboard.statistics.standing_out import Place, Telling, place, standing_out, usual

BESIDE = 6
"""How many evaluations of a model stand beside each other on its page; the history has all."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TaskScore:
    """One task of one evaluation as the board shows it, 0-100, with its 95 % interval where its error is known."""

    task: SuiteTask
    points: float | None
    low: float | None
    high: float | None
    n: int
    unavailable: str
    place: Place | None


@dataclass(frozen=True)
class Standing:
    """One evaluation in the newest ranking of a suite; `imported` says where it comes from, if not from here.

    `place` and those of the tasks are among the other models of `size_class` with scores of the same origin.
    """

    suite: Suite
    row: Row
    imported: Imported | None
    size_class: str
    place: Place | None
    tasks: list[TaskScore]

    @cached_property
    def places(self) -> list[Place | None]:
        return [one.place for one in self.tasks]

    @property
    def usual(self) -> float | None:
        """The median of its percentiles over the tasks; None where too few are known."""
        return usual(self.places)

    @cached_property
    def telling(self) -> list[Telling]:
        return standing_out(self.places)

    @property
    def strengths(self) -> list[tuple[TaskScore, Telling]]:
        return [(self.tasks[one.task], one) for one in self.telling if one.apart > 0]

    @property
    def weaknesses(self) -> list[tuple[TaskScore, Telling]]:
        return [(self.tasks[one.task], one) for one in self.telling if one.apart < 0]

    @property
    def errors(self) -> bool:
        """Whether any of its tasks has a standard error."""
        return any(one.low is not None for one in self.tasks)


@dataclass(frozen=True)
class SuiteStandings:
    """A model's evaluations on one suite, by rank: the first of `count`, or all of them."""

    suite: Suite
    tasks: list[SuiteTask]
    standings: list[Standing]
    count: int

    @property
    def testable(self) -> list[Standing]:
        """Those of them that were measured here: their items are known, so that they can be compared."""
        return [one for one in self.standings if one.row.verified]

    @property
    def lines(self) -> list[tuple[SuiteTask, list[TaskScore]]]:
        """Each task with the scores of the evaluations that stand beside each other."""
        return [(task, [one.tasks[place] for one in self.standings]) for place, task in enumerate(self.tasks)]


@dataclass(frozen=True)
class Ranking:
    """The newest ranking of a suite."""

    suite: Suite
    tasks: list[SuiteTask]
    data: Columns


def rankings() -> list[Ranking]:
    """Of every suite, by name; what was measured here comes before what was imported. 2 queries."""
    latest = Snapshot.objects.order_by("suite_id", "-id").distinct("suite_id").values("pk")
    found = Snapshot.objects.filter(pk__in=latest).select_related("suite").prefetch_related("suite__tasks")
    ordered = found.defer("columns", "suite__definition").order_by("suite__imported", "suite__slug")
    return [Ranking(one.suite, list(one.suite.tasks.all()), columns_of(shown(one))) for one in ordered]


def shown(ranking: Snapshot) -> Snapshot:
    """The newest ranking of a suite, or the one before where that is not read yet (1 query more)."""
    return ranking if not AT_HAND.ahead or ranking.digest in AT_HAND else newest(ranking.suite_id) or ranking


def rows_named(data: Columns, name: str) -> Mask:
    """Which rows (n,) of a ranking are of this model."""
    return np.asarray(pc.equal(data.table["model"], name).to_numpy(), dtype=np.bool_)


def standings_of(name: str, among: Sequence[Ranking], *, most: int | None = BESIDE) -> list[SuiteStandings]:
    """The evaluations of a model in these rankings, by suite and rank, `most` of each suite (None: all). 1 query, for
    what imports say of themselves."""
    told = ((one, rows_named(one.data, name)) for one in among)
    found = [(one, int(own.sum()), evaluations(one, own, most)) for one, own in told if own.any()]
    keys = [row.imported_id for _, _, placed in found for row, _, _, _ in placed if row.imported_id]
    sources = Imported.objects.select_related("batch").defer("tasks", "batch__report").in_bulk(keys) if keys else {}
    return [
        SuiteStandings(
            one.suite, one.tasks,
            [
                Standing(one.suite, row, sources.get(row.imported_id or 0), size, whole, tasks)
                for row, size, whole, tasks in placed
            ],
            count,
        )
        for one, count, placed in found
    ]  # fmt: skip


Placed = tuple[Row, str, Place | None, list[TaskScore]]


def evaluations(ranking: Ranking, own: Mask, most: int | None) -> list[Placed]:
    """The first of a model's `own` rows by rank, with their places in its size class."""
    data = ranking.data
    at = np.flatnonzero(own)
    rank = data.number("rank")[at]
    at = at[np.lexsort((-np.nan_to_num(data.number("score")[at], nan=-1.0), np.where(rank > 0, rank, np.inf)))][:most]
    sizes, origins = data.choice("size_class"), data.choice("verified")
    found: list[Placed] = []
    for row, index in zip(rows_of(data, at, ranking.tasks), at.tolist(), strict=True):
        code = int(sizes.codes[index])
        others = ~own & (sizes.codes == code) & (origins.codes == origins.codes[index])
        scores = [task_score(ranking, task, row, index, others if code >= 0 else None) for task in ranking.tasks]
        whole = score_place(data, index, others) if code >= 0 else None
        found.append((row, sizes.values[code] if code >= 0 else "", whole, scores))
    return found


def score_place(data: Columns, index: int, others: Mask) -> Place | None:
    score, error = data.number("score"), data.number("stderr")[index]
    return place(float(score[index]), None if error != error else float(error), score[others])


def task_score(ranking: Ranking, task: SuiteTask, row: Row, index: int, others: Mask | None) -> TaskScore:
    """A task's cell in points, and its place among `others`; None: nobody knows the model's size."""
    cell: dict[str, Any] = row.tasks.get(task.task) or {}
    shown = "normalised" if view_of(ranking.suite, "") == "normalised" and "normalised" in cell else "score"
    value = cell.get(shown)
    if value is None:
        return TaskScore(task, None, None, None, 0, cell.get("unavailable") or "No result.", None)
    points = value if shown == "normalised" else 100 * value
    stderr = cell["stderr"] if shown == "score" else None
    half = None if stderr is None else 100 * Z95 * stderr
    found = None
    if others is not None:
        column = ranking.data.number(task_column(task.task, ranking.data, normalised=shown == "normalised"))
        found = place(
            value, stderr, column[others], tasks=len(ranking.tasks), higher_is_better=task.higher_is_better
        )  # fmt: skip
    low, high = (None, None) if half is None else (points - half, points + half)
    return TaskScore(task, points, low, high, cell["n"], "", found)
