"""The items of a task over the models: how many solve each of them, and which tell models apart.

Only answers to the same items under the same settings are put together: one item set, metric, filter and number of
examples shown. Each model counts once, by its newest run; what was measured here comes before what was imported.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from leaderboard.models import ImportedResult, ItemSet, Result, Submission, SuiteTask
from leaderboard.statistics.arrays import Floats, Integers
from leaderboard.statistics.difficulty import discrimination
from leaderboard.statistics.shares import tenths

FEW = 5
"""Fewer models than these say little about an item."""
MOST_MODELS = 2_000
MOST_ANSWERS = 4_000_000
"""Models x items on a page, over all its item sets: what is read and computed in well under a second."""
MOST_SETS = 4
LISTED = 20
HALF = 0.5
"""An item counts as solved from this score on: graded metrics give more than 0 and 1."""


class Setting(NamedTuple):
    """What answers must have in common, beside their items."""

    metric: str
    filter: str
    num_fewshot: int | None
    higher_is_better: bool


class Run(NamedTuple):
    """A model's newest answers to an item set: the key of a Result, or of an ImportedResult."""

    model: int
    result: int
    submission: int | None
    """None: imported."""


@dataclass
class Pool:
    """The runs over one item set, those of this site first, newest first."""

    items: str
    setting: Setting
    slugs: list[str]
    runs: list[Run] = field(default_factory=list)


@dataclass(frozen=True)
class ItemTable:
    """An item set with what its models' answers say; arrays are (n,) in the order of the items.

    `solved` counts the models that solve each item; `telling` is each item's discrimination, NaN where it is the same
    for all models. Both are None while fewer than FEW models answered. `left_out` models were not read.
    """

    items: ItemSet
    setting: Setting
    slugs: list[str]
    measured: int
    imported: int
    left_out: int
    graded: bool
    solved: Integers | None
    telling: Floats | None
    submissions: list[int]

    @property
    def models(self) -> int:
        return self.measured + self.imported

    @property
    def nobody(self) -> list[int]:
        """Items that no model solves, in order."""
        return [] if self.solved is None else np.flatnonzero(self.solved == 0).tolist()

    @property
    def everybody(self) -> list[int]:
        return [] if self.solved is None else np.flatnonzero(self.solved == self.models).tolist()

    @property
    def histogram(self) -> list[int]:
        """Items solved by nobody, by each tenth of the models, by everybody: 12 numbers."""
        return [] if self.solved is None else tenths(self.solved, self.models).tolist()

    @property
    def known(self) -> int:
        """How many items have a discrimination."""
        return 0 if self.telling is None else int((~np.isnan(self.telling)).sum())

    @property
    def least(self) -> list[int]:
        """The items with the lowest discrimination, lowest first."""
        if self.telling is None:
            return []
        order = np.argsort(self.telling, kind="stable")  # NaN comes last
        return [int(index) for index in order[: min(LISTED, self.known)]]

    @property
    def doubtful(self) -> float:
        """A discrimination below this is rarer than 1 in 40 by chance: about -2 / sqrt(models - 1)."""
        return -2 / math.sqrt(max(1, self.models - 1))

    @property
    def doubted(self) -> int:
        """How many items are below it."""
        return 0 if self.telling is None else int((self.telling < self.doubtful).sum())

    def hash_of(self, index: int) -> str:
        """The item's hash (hex)."""
        return bytes(self.items.hashes[32 * index : 32 * index + 32]).hex()


def item_tables(tasks: list[SuiteTask]) -> tuple[list[ItemTable], int]:
    """The item sets of a task (its places in all suites), most models first, and how many more there are. 5 queries."""
    pools = sorted(pooled(tasks), key=lambda pool: (-len(pool.runs), pool.items, str(pool.setting)))
    shown = pools[:MOST_SETS]
    sets = ItemSet.objects.in_bulk([pool.items for pool in shown])
    chosen: list[list[Run]] = []
    for pool in shown:
        most = min(MOST_MODELS, MOST_ANSWERS // len(shown) // max(1, sets[pool.items].n))
        chosen.append(pool.runs[:most] if len(pool.runs) >= FEW else [])
    scores = answers(run for runs in chosen for run in runs)
    return [
        table(pool, sets[pool.items], runs, scores) for pool, runs in zip(shown, chosen, strict=True)
    ], len(pools) - len(shown)  # fmt: skip


def pooled(tasks: list[SuiteTask]) -> list[Pool]:
    """Who answered which items under which settings, without the answers. 2 queries."""
    settings = {one.pk: Setting(one.metric, one.filter, one.num_fewshot, one.higher_is_better) for one in tasks}
    slugs = {one.pk: one.suite.slug for one in tasks}
    apart = ("items_id", "task__metric", "task__filter", "task__num_fewshot", "task__higher_is_better")
    here = (*apart, "submission__revision__model_id")
    measured = (
        Result.objects.filter(
            task__in=settings, submission__state=Submission.State.SUCCEEDED, items__isnull=False, score__isnull=False
        )
        .order_by(*here, "-submission_id", "-pk").distinct(*here)
        .values_list("items_id", "task_id", "submission__revision__model_id", "pk", "submission_id")
    )  # fmt: skip
    there = (*apart, "imported__revision__model_id")
    imported = (
        ImportedResult.objects.filter(task__in=settings, imported__superseded_at=None)
        .order_by(*there, "-imported_id", "-pk").distinct(*there)
        .values_list("items_id", "task_id", "imported__revision__model_id", "pk")
    )  # fmt: skip
    found: dict[tuple[str, Setting], Pool] = {}
    known: set[tuple[str, Setting, int]] = set()
    rows = [
        *sorted(measured, key=lambda row: -row[4]),
        *((*row, None) for row in sorted(imported, key=lambda row: -row[3])),
    ]
    for items, task, model, result, submission in rows:
        key = (items, settings[task])
        pool = found.setdefault(key, Pool(items, settings[task], []))
        if slugs[task] not in pool.slugs:
            pool.slugs.append(slugs[task])
        if (*key, model) not in known:
            known.add((*key, model))
            pool.runs.append(Run(model, result, submission))
    return list(found.values())


def answers(runs: Iterable[Run]) -> dict[tuple[bool, int], bytes]:
    """(measured here, key) -> the scores as they are stored. 2 queries at most."""
    by_origin: dict[bool, list[int]] = {True: [], False: []}
    for run in runs:
        by_origin[run.submission is not None].append(run.result)
    found: dict[tuple[bool, int], bytes] = {}
    origins: list[tuple[bool, Any]] = [(True, Result), (False, ImportedResult)]
    for measured, model in origins:
        if by_origin[measured]:
            rows = model.objects.filter(pk__in=by_origin[measured]).values_list("pk", "item_scores")
            found |= {(measured, pk): bytes(scores) for pk, scores in rows}
    return found


def table(pool: Pool, items: ItemSet, chosen: list[Run], scores: dict[tuple[bool, int], bytes]) -> ItemTable:
    """What the answers of one pool say; scores of another length than the item set has are left out."""
    whole = [
        (run, stored)
        for run in chosen
        if len(stored := scores.get((run.submission is not None, run.result), b"")) == 4 * items.n
    ]
    runs = [run for run, _ in whole] if chosen else pool.runs
    solved = telling = None
    graded = False
    if len(whole) >= FEW:
        values = np.frombuffer(b"".join(stored for _, stored in whole), dtype="<f4").reshape(len(whole), items.n)
        right = values >= HALF if pool.setting.higher_is_better else values <= HALF
        graded = bool(((values > 0) & (values < 1)).any())
        solved = right.sum(axis=0, dtype=np.int64)
        telling = discrimination(right) if items.n > 1 else np.full(items.n, np.nan)
    measured = [run.submission for run in runs if run.submission is not None]
    return ItemTable(
        items=items, setting=pool.setting, slugs=pool.slugs, measured=len(measured),
        imported=len(runs) - len(measured), left_out=len(pool.runs) - len(runs), graded=graded, solved=solved,
        telling=telling, submissions=measured,
    )  # fmt: skip
