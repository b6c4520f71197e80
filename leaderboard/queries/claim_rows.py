"""The best rows of two groups on some tasks of a suite, on identical items: what a claim about them is tested on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leaderboard.claims.terms import Group
from leaderboard.columnar.table import Columns, task_column
from leaderboard.models import Result, Snapshot, Suite, SuiteTask
from leaderboard.queries.measured import items_of
from leaderboard.queries.pairing import ascending
from leaderboard.queries.same_items import ItemsOf, Side, common
from leaderboard.queries.snapshots import columns_of, newest
from leaderboard.statistics.paired import Answers


class NotThere(Exception):
    """What a claim needs was not measured; the message says what, in a sentence."""


@dataclass(frozen=True)
class Best:
    """A group's best row: its mean over the tasks, 0-100."""

    submission: int
    model: str
    score: float

    @property
    def key(self) -> str:
        return f"s{self.submission}"


@dataclass(frozen=True)
class Place:
    """A suite with the ranking that it has now."""

    suite: Suite
    ranking: Snapshot
    data: Columns

    @cached_property
    def tasks(self) -> list[SuiteTask]:
        return list(self.suite.tasks.all())

    def positions(self, names: Sequence[str]) -> list[int]:
        """Places of tasks in the suite; raises NotThere."""
        known = [task.task for task in self.tasks]
        for name in names:
            if name not in known:
                raise NotThere(f"{self.suite.slug} has no task {name}.")
        return [known.index(name) for name in names]

    def members(self, group: Group) -> npt.NDArray[np.bool_]:
        """Which ranked rows (n,), measured here and not flagged, are of a group."""
        data = self.data
        found: npt.NDArray[np.bool_] = (data.number("submission") > 0) & (data.number("rank") > 0)
        flagged = data.choice("flagged")
        if (doubted := flagged.code("yes")) is not None:
            found &= flagged.codes != doubted
        if group.kind:
            kinds = data.choice("kind")
            found &= kinds.codes == (-2 if kinds.code(group.kind) is None else kinds.code(group.kind))
        if group.least_parameters is not None:
            found &= data.number("parameters") >= group.least_parameters
        if group.most_parameters is not None:
            found &= data.number("parameters") <= group.most_parameters
        if group.model:
            found &= np.array([name == group.model for name in data.table["model"].to_pylist()], dtype=np.bool_)
        return found


def group_words(group: Group) -> str:
    """ "open-weights model of 8 to 10 B"."""
    if group.model:
        return group.model
    kind = {"open": "open-weights ", "proprietary": "proprietary "}.get(group.kind, "")
    low, high = group.least_parameters, group.most_parameters
    if low is None and high is None:
        return f"{kind}model"
    if low is None or high is None:
        return f"{kind}model of {'at least' if high is None else 'at most'} {(low or high or 0) / 1e9:g} B"
    return f"{kind}model of {low / 1e9:g} to {high / 1e9:g} B"


def place_of(slug: str) -> Place:
    """Raises NotThere."""
    suite = Suite.objects.filter(slug=slug).first()
    if suite is None:
        raise NotThere(f"There is no suite {slug} here.")
    ranking = newest(suite)
    if ranking is None:
        raise NotThere(f"Nothing was ranked on {slug} yet.")
    return Place(suite, ranking, columns_of(ranking))


def bests(place: Place, names: Sequence[str], groups: Sequence[Group]) -> list[Best]:
    """The best row of each group by the mean of these tasks, among those that answered the same items; raises
    NotThere."""
    positions = place.positions(names)
    signs = [1 if place.tasks[one].higher_is_better else -1 for one in positions]
    columns = [place.data.number(task_column("score", name)) for name in names]
    values = 100 * np.mean([sign * column for sign, column in zip(signs, columns, strict=True)], axis=0)
    submissions = place.data.number("submission").astype(np.int64)
    sides = []
    for group in groups:
        at = np.flatnonzero(place.members(group) & np.isfinite(values))
        if not len(at):
            raise NotThere(f"No {group_words(group)} was measured on {place.suite.slug}.")
        sides.append(Side(at, np.zeros(len(at)), values[at], submissions[at]))
    items = ItemsOf([task.pk for task in place.tasks])
    items.read(one for side in sides for one in side.leading())
    shared = common(sides, items, positions)
    if not shared:
        raise NotThere(f"The two sides were not measured on the same items of {place.suite.slug}.")
    found = []
    for side in sides:
        [best] = side.steps_on(items, positions, shared).tolist()  # all days are one: there is one step
        row = int(side.rows[best])
        found.append(Best(int(side.submissions[best]), place.data.text("model", row), float(values[row])))
    return found


def pairs(place: Place, names: Sequence[str], first: Best, second: Best) -> list[tuple[Answers, Answers]]:
    """Both rows' scores on each task's items, higher is better; raises NotThere. 1 query."""
    tasks = [place.tasks[one] for one in place.positions(names)]
    rows = Result.objects.filter(task__in=tasks, submission__in=[first.submission, second.submission])
    kept = {
        (task, submission): items_of(digest, scores)
        for task, submission, digest, scores in rows.values_list("task_id", "submission_id", "items_id", "item_scores")
    }
    found = []
    for task in tasks:
        both = [kept.get((task.pk, one.submission)) for one in (first, second)]
        if any(one is None or one.n < 2 or not np.isfinite(one.scores).all() for one in both):
            raise NotThere(f"The items of {task.title} are not kept.")
        ours, theirs = (Answers(one.digest, ascending(one.scores, task)) for one in both if one is not None)
        found.append((ours, theirs))
    return found
