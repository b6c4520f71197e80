"""The ranking of a suite as it is shown: one page of the newest snapshot, searched and sorted."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet

from leaderboard.models import Import, Model, Snapshot, SnapshotRow, Suite, SuiteTask
from leaderboard.queries.columns import Columns, columns, task_score
from leaderboard.queries.errors import BadQuery, Missing

PAGE_SIZE = 50
MAX_SEARCH = 200

UNSHOWN = ("submission__provenance", "imported__tasks", "imported__batch__report")
"""Long JSON behind a row; parsed for each of 500 rows it would take most of the time."""

PLAIN_COLUMNS = {
    "rank": "rank",
    "score": "score",
    "stderr": "stderr",
    "model": "model_name",
    "parameters": "revision__parameters",
}


@dataclass(frozen=True)
class Board:
    """One page of a ranking. `snapshot` is None while nothing was ranked; `kinds` are those of its models.

    `scores` says which of an imported task's two numbers are shown: "normalised" or "raw"; "" where there is but one.
    `source` is the newest import of a suite that was measured elsewhere.
    """

    suite: Suite
    tasks: list[SuiteTask]
    columns: Columns
    snapshot: Snapshot | None
    rows: list[SnapshotRow]
    count: int
    page: int
    page_size: int
    pages: int
    sort: str
    search: str
    kind: str
    kinds: list[str]
    scores: str
    source: Import | None

    @property
    def first(self) -> int:
        """The number of the first row shown, counting from 1."""
        return (self.page - 1) * self.page_size + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def board(
    *,
    suite: str,
    sort: str = "",
    search: str = "",
    kind: str = "",
    scores: str = "",
    page: int = 1,
    page_size: int = PAGE_SIZE,
) -> Board:
    """Page `page` of the ranking of `suite` ("name@version", or "" for the default one).

    `sort` is a column or a task's name, with "-" for descending; missing values come last either way. Raises
    Missing (suite, page) and BadQuery (column, search, kind, scores).
    """
    chosen = suite_named(suite)
    tasks = list(chosen.tasks.all())
    scores = scores_shown(chosen, scores)
    if len(search) > MAX_SEARCH:
        raise BadQuery("search", f"A search has at most {MAX_SEARCH} characters.")
    if "\x00" in search:
        raise BadQuery("search", "A search cannot hold the character NUL.")
    snapshot = Snapshot.objects.filter(suite=chosen).order_by("-id").first()
    rows = (
        SnapshotRow.objects.filter(snapshot=snapshot)
        .select_related("revision__model", "submission", "imported__batch")
        .defer(*UNSHOWN)
    )
    for word in search.split():
        rows = rows.filter(Q(model_name__icontains=word) | Q(revision__sha__istartswith=word.lower()))
    if kind:
        if kind not in Model.Kind.values:
            raise BadQuery("kind", f"A kind is one of {', '.join(Model.Kind.values)}, not {kind[:40]!r}.")
        rows = rows.filter(revision__model__kind=kind)
    rows = sorted_by(rows, sort or "rank", {task.task for task in tasks}, normalised=scores == "normalised")
    count = rows.count() if snapshot else 0
    pages = max(1, -(-count // page_size))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    start = (page - 1) * page_size
    shape = columns(snapshot, tasks, normalised=scores == "normalised")
    shown = list(rows[start : start + page_size]) if snapshot else []
    return Board(
        suite=chosen, tasks=tasks, columns=shape, snapshot=snapshot, rows=shown, count=count,
        page=page, page_size=page_size, pages=pages, sort=sort or "rank", search=search, kind=kind,
        kinds=kinds_of(snapshot), scores=scores,
        source=Import.objects.filter(suite=chosen).order_by("-id").defer("report").first() if chosen.imported else None,
    )  # fmt: skip


def scores_shown(suite: Suite, asked: str) -> str:
    """Which numbers of an imported, normalised suite are meant: its own, unless raw ones are asked for."""
    if asked not in {"", "normalised", "raw"}:
        raise BadQuery("scores", f"Scores are normalised or raw, not {asked[:40]!r}.")
    return (asked or "normalised") if suite.imported and suite.normalise else ""


def kinds_of(snapshot: Snapshot | None) -> list[str]:
    """The kinds of models that a ranking holds, by name."""
    kinds = SnapshotRow.objects.filter(snapshot=snapshot).order_by().values_list("revision__model__kind", flat=True)
    return sorted(kinds.distinct()) if snapshot else []


def page_of(row: SnapshotRow) -> int | None:
    """The page of the board (by rank) that shows `row`; None when a newer snapshot has replaced its own."""
    newest = Snapshot.objects.filter(suite=row.snapshot.suite_id).order_by("-id").values_list("pk", flat=True).first()
    if row.snapshot_id != newest:
        return None
    order = list(sorted_by(SnapshotRow.objects.filter(snapshot=newest), "rank", set()).values_list("pk", flat=True))
    return order.index(row.pk) // PAGE_SIZE + 1


def suite_named(slug: str) -> Suite:
    """The suite, or for "" the one with the newest ranking, or else the first; raises Missing.

    What was measured here comes before what was imported.
    """
    if slug:
        found = Suite.objects.filter(slug=slug).first() if "\x00" not in slug else None
        if found is None:
            raise Missing("suite", f"There is no suite {slug[:80]!r}.")
        return found
    newest = Snapshot.objects.order_by("suite__imported", "-id").select_related("suite").first()
    first = newest.suite if newest else Suite.objects.filter(name="starter").first() or Suite.objects.first()
    if first is None:
        raise Missing("suite", "No suite has been released here yet: run `manage.py load_suites`.")
    return first


def sorted_by(
    rows: QuerySet[SnapshotRow], sort: str, tasks: set[str], *, normalised: bool = False
) -> QuerySet[SnapshotRow]:
    """Rows by one column, then by rank and name so that pages never overlap; raises BadQuery."""
    descending, column = sort.startswith("-"), sort.removeprefix("-")
    expression: Any
    if column in PLAIN_COLUMNS:
        expression = F(PLAIN_COLUMNS[column])
    elif column in tasks:
        expression = task_score(column, normalised=normalised)
    else:
        known = ", ".join([*PLAIN_COLUMNS, *sorted(tasks)])
        raise BadQuery("sort", f"There is no column {column[:60]!r} to sort by. Columns: {known}.")
    order = OrderBy(expression, descending=descending, nulls_last=True)
    return rows.order_by(order, F("rank").asc(nulls_last=True), "model_name", "id")
