"""The numbers of this site that the page about its method works through: the best measured row, and the gap."""

from dataclasses import dataclass

import numpy as np

from leaderboard.columnar.table import Columns
from leaderboard.models import Snapshot, Suite, SuiteTask
from leaderboard.queries.gap import Gap, kept_gap
from leaderboard.queries.noise import Floor, floors
from leaderboard.queries.rows import Row, rows_of
from leaderboard.queries.snapshots import columns_of
from leaderboard.statistics.normalise import normalise
from leaderboard.statistics.ranks import Z95


@dataclass(frozen=True)
class Part:
    """A task of the worked example: what was measured (fractions), and what goes into the mean, 0-100."""

    task: SuiteTask
    n: int
    score: float
    stderr: float
    counted: float
    counted_error: float


@dataclass(frozen=True)
class Example:
    """The best ranked row that was measured here, step by step."""

    suite: Suite
    row: Row
    parts: list[Part]
    better: int
    worse: int
    ranked: int
    gap: Gap
    floors: list[Floor]

    @property
    def half(self) -> float:
        return Z95 * (self.row.stderr or 0.0)

    @property
    def mean(self) -> float:
        return sum(one.counted for one in self.parts) / len(self.parts)

    @property
    def error(self) -> float:
        return float(sum(one.counted_error**2 for one in self.parts) ** 0.5) / len(self.parts)


def example() -> Example | None:
    """Of the suite whose ranking is newest among those that are measured here; None while nothing is. 5 queries, and
    two more where runs were repeated."""
    found = (
        Snapshot.objects.filter(suite__imported=False, suite__owner=None)
        .select_related("suite")
        .prefetch_related("suite__tasks")
    )
    ranking = found.defer("columns", "suite__definition").order_by("-id").first()
    if ranking is None:
        return None
    data, tasks = columns_of(ranking), list(ranking.suite.tasks.all())
    at = np.flatnonzero((data.number("rank") > 0) & (data.number("submission") > 0))
    if not len(at):
        return None
    best = at[np.argmin(data.number("rank")[at])]
    [row] = rows_of(data, [int(best)], tasks)
    parts = [part for task in tasks if (part := part_of(ranking.suite, task, row)) is not None]
    if len(parts) != len(tasks):
        return None
    better, worse = apart(data, at, row)
    gap = kept_gap(ranking.suite, tasks, data, ranking.created_at)
    return Example(ranking.suite, row, parts, better, worse, len(at), gap, list(floors(ranking.suite).values()))


def part_of(suite: Suite, task: SuiteTask, row: Row) -> Part | None:
    cell = row.tasks.get(task.task)
    if not cell or cell["score"] is None or cell["stderr"] is None:
        return None
    counted = normalise(cell["score"], cell["stderr"], task.baseline if suite.normalise else 0.0)
    return Part(task, cell["n"], cell["score"], cell["stderr"], float(counted.score), float(counted.stderr))


def apart(data: Columns, at: np.ndarray[tuple[int, ...], np.dtype[np.intp]], row: Row) -> tuple[int, int]:
    """How many ranked rows are surely better, and surely worse, by their intervals alone."""
    score, half = data.number("score")[at], Z95 * data.number("stderr")[at]
    low, high = (row.score or 0.0) - Z95 * (row.stderr or 0.0), (row.score or 0.0) + Z95 * (row.stderr or 0.0)
    return int((score - half > high).sum()), int((score + half < low).sum())
