"""What can be compared: evaluations by their ids, `s12` (submitted here) and `i34` (imported), with their items."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import QuerySet

from leaderboard.models import Imported, ImportedResult, Result, Revision, Submission, Suite, SuiteTask
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.selection import suite_named
from leaderboard.statistics.arrays import Floats

ID = re.compile(r"([si])([1-9][0-9]{0,17})")
NAME_LIMIT = 200
SLACK = 1e-6
"""What rounding may add to a fraction: item scores are kept as float32."""


class OtherSuite(BadQuery):
    """Two evaluations of different suites: their scores are of different things."""


@dataclass(frozen=True)
class Items:
    """A model's scores on the items of a set, (n,), in its order; `digest` names the set."""

    digest: str
    scores: Floats

    @property
    def n(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Cell:
    """A task's score and standard error, fractions; `items` is None, with the reason, where they are not known."""

    score: float | None
    stderr: float | None
    n: int
    unavailable: str
    items: Items | None
    reason: str = ""


@dataclass(frozen=True)
class Measured:
    """One evaluation, measured here or imported: exactly one of `submission` and `imported` is there."""

    id: str
    submission: Submission | None
    imported: Imported | None
    suite: Suite
    revision: Revision
    score: float | None
    stderr: float | None
    cells: Mapping[str, Cell]

    @property
    def name(self) -> str:
        return self.revision.model.name

    @property
    def kind(self) -> str:
        return self.revision.model.kind

    @property
    def settings(self) -> dict[str, Any]:
        return (self.submission or self.imported).settings  # type: ignore[union-attr,no-any-return]  # one of the two

    @property
    def unranked_reason(self) -> str:
        return (self.submission or self.imported).unranked_reason  # type: ignore[union-attr]  # one of the two

    def cell(self, task: SuiteTask) -> Cell:
        return self.cells.get(task.task) or Cell(None, None, 0, "No result.", None, "it has no score")


def measured(asked: Sequence[str], *, suite: str = "") -> list[Measured]:
    """Evaluations of one suite in the order asked for, in a handful of queries whatever their number.

    Each is an id, or a model's name, which stands for its newest succeeded submission to `suite` (or to the default
    one), or else for its current import. Raises Missing, BadQuery, OtherSuite.
    """
    for one in asked:
        if len(one) > NAME_LIMIT or "\x00" in one:
            raise BadQuery("m", f"A model is an id such as s12, or a name, not {one[:40]!r}.")
    ids = [ID.fullmatch(one) for one in asked]
    names = [one for one, found in zip(asked, ids, strict=True) if found is None]
    chosen = suite_named(suite) if suite or names else None
    found: dict[str, Submission | Imported] = {}
    for row in Submission.objects.filter(pk__in=numbers(ids, "s")).select_related("suite", "revision__model"):
        found[f"s{row.pk}"] = row
    current = Imported.objects.select_related("suite", "batch", "revision__model").defer("batch__report")
    for imported in current.filter(pk__in=numbers(ids, "i")):
        found[f"i{imported.pk}"] = imported
    if names and chosen:
        found |= newest(names, chosen, current)
    rows = [checked(one, found.get(one), chosen) for one in asked]
    keys = [key(row) for row in rows]
    for place, one in enumerate(keys):
        if one in keys[:place]:
            raise BadQuery("m", f"{asked[place][:80]!r} is named twice; a comparison is of different evaluations.")
    if chosen is None and len({row.suite_id for row in rows}) > 1:
        slugs = " and ".join(sorted({row.suite.slug for row in rows}))
        raise OtherSuite("suite", f"These are evaluations of different suites: {slugs}.")
    return with_cells(rows)


def numbers(ids: Iterable[re.Match[str] | None], letter: str) -> list[int]:
    return [int(one[2]) for one in ids if one is not None and one[1] == letter]


def key(row: Submission | Imported) -> str:
    return f"{'s' if isinstance(row, Submission) else 'i'}{row.pk}"


def newest(names: list[str], suite: Suite, current: QuerySet[Imported]) -> dict[str, Submission | Imported]:
    """What each name stands for, where there is anything."""
    found: dict[str, Submission | Imported] = {}
    imports = current.filter(suite=suite, superseded_at=None, revision__model__name__in=names)
    for imported in imports.order_by("pk"):
        found[imported.revision.model.name] = imported
    ours = Submission.objects.filter(
        suite=suite, state=Submission.State.SUCCEEDED, revision__model__name__in=names
    ).select_related("suite", "revision__model")
    for row in ours.order_by("revision__model__name", "-pk").distinct("revision__model__name"):
        assert row.revision is not None  # a constraint of the table: what succeeded was pinned
        found[row.revision.model.name] = row
    return found


def checked(asked: str, row: Submission | Imported | None, suite: Suite | None) -> Submission | Imported:
    """`row`, if it can be compared."""
    if row is None:
        if ID.fullmatch(asked):
            what = "submission" if asked[0] == "s" else "imported evaluation"
            raise Missing("m", f"There is no {what} {asked[1:]}.")
        on = f" on {suite.slug}" if suite else ""
        raise Missing("m", f"No model {asked[:80]!r} has a finished evaluation{on}.")
    if isinstance(row, Submission) and row.state != Submission.State.SUCCEEDED:
        raise Missing("m", f"Submission {row.pk} is {row.state}; it can be compared once it has succeeded.")
    if suite is not None and row.suite_id != suite.pk:
        raise OtherSuite("suite", f"{asked} is an evaluation of {row.suite.slug}, not of {suite.slug}.")
    return row


def with_cells(rows: list[Submission | Imported]) -> list[Measured]:
    """The evaluations with the scores of their tasks and items."""
    here, there = [row for row in rows if isinstance(row, Submission)], [r for r in rows if isinstance(r, Imported)]
    cells: dict[str, dict[str, Cell]] = {key(row): {} for row in rows}
    for result in Result.objects.filter(submission__in=here).select_related("task"):
        items = items_of(result.items_id, result.item_scores)
        cells[f"s{result.submission_id}"][result.task.task] = Cell(
            result.score, result.stderr, result.n, result.unavailable, items, "" if items else "its items are not kept"
        )
    stored = ImportedResult.objects.filter(imported__in=there).values_list(
        "imported_id", "task__task", "items_id", "item_scores"
    )
    kept = {(imported, task): items_of(digest, scores) for imported, task, digest, scores in stored}
    for row in there:
        cells[key(row)] = {task: imported_cell(told, kept.get((row.pk, task))) for task, told in row.tasks.items()}
    return [
        Measured(
            id=key(row),
            submission=row if isinstance(row, Submission) else None,
            imported=row if isinstance(row, Imported) else None,
            suite=row.suite,
            revision=row.revision,  # type: ignore[arg-type]  # what succeeded was pinned, by constraint
            score=row.score,
            stderr=row.stderr,
            cells=cells[key(row)],
        )
        for row in rows
    ]


def imported_cell(told: dict[str, Any], items: Items | None) -> Cell:
    """A cell of an import, which has items only where its source has."""
    reason = "" if items else "it was imported without its items"
    return Cell(told.get("score"), told.get("stderr"), told.get("n") or 0, told.get("unavailable") or "", items, reason)


def items_of(digest: str | None, scores: bytes | memoryview) -> Items | None:
    """None where there are none."""
    values = np.frombuffer(scores, dtype="<f4").astype(float)
    return Items(digest, values) if digest and len(values) else None
