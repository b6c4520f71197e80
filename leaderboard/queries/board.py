"""The ranking of a suite as it is shown: one page of the newest snapshot, searched and sorted."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, FloatField, OrderBy, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from leaderboard.models import Snapshot, SnapshotRow, Suite, SuiteTask
from leaderboard.queries.errors import BadQuery, Missing

PAGE_SIZE = 50
MAX_SEARCH = 200

PLAIN_COLUMNS = {
    "rank": "rank",
    "score": "score",
    "stderr": "stderr",
    "model": "model_name",
    "parameters": "revision__parameters",
}


@dataclass(frozen=True)
class Board:
    """One page of a ranking. `snapshot` is None while nothing was ranked."""

    suite: Suite
    tasks: list[SuiteTask]
    snapshot: Snapshot | None
    rows: list[SnapshotRow]
    count: int
    page: int
    pages: int
    sort: str
    search: str


def board(*, suite: str, sort: str = "", search: str = "", page: int = 1, page_size: int = PAGE_SIZE) -> Board:
    """Page `page` of the ranking of `suite` ("name@version", or "" for the default one).

    `sort` is a column or a task's name, with "-" for descending; missing values come last either way. Raises
    Missing (suite, page) and BadQuery (column, search).
    """
    chosen = suite_named(suite)
    tasks = list(chosen.tasks.all())
    if len(search) > MAX_SEARCH:
        raise BadQuery("search", f"A search has at most {MAX_SEARCH} characters.")
    if "\x00" in search:
        raise BadQuery("search", "A search cannot hold the character NUL.")
    snapshot = Snapshot.objects.filter(suite=chosen).order_by("-id").first()
    rows = SnapshotRow.objects.filter(snapshot=snapshot).select_related("revision__model", "submission")
    for word in search.split():
        rows = rows.filter(Q(model_name__icontains=word) | Q(revision__sha__istartswith=word.lower()))
    rows = sorted_by(rows, sort or "rank", {task.task for task in tasks})
    count = rows.count() if snapshot else 0
    pages = max(1, -(-count // page_size))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    start = (page - 1) * page_size
    shown = list(rows[start : start + page_size]) if snapshot else []
    return Board(chosen, tasks, snapshot, shown, count, page, pages, sort or "rank", search)


def suite_named(slug: str) -> Suite:
    """The suite, or for "" the one with the newest ranking, or else the first; raises Missing."""
    if slug:
        found = Suite.objects.filter(slug=slug).first() if "\x00" not in slug else None
        if found is None:
            raise Missing("suite", f"There is no suite {slug[:80]!r}.")
        return found
    newest = Snapshot.objects.order_by("-id").select_related("suite").first()
    first = newest.suite if newest else Suite.objects.filter(name="starter").first() or Suite.objects.first()
    if first is None:
        raise Missing("suite", "No suite has been released here yet: run `manage.py load_suites`.")
    return first


def sorted_by(rows: QuerySet[SnapshotRow], sort: str, tasks: set[str]) -> QuerySet[SnapshotRow]:
    """Rows by one column, then by rank and name so that pages never overlap; raises BadQuery."""
    descending, column = sort.startswith("-"), sort.removeprefix("-")
    expression: Any
    if column in PLAIN_COLUMNS:
        expression = F(PLAIN_COLUMNS[column])
    elif column in tasks:
        cell = KeyTextTransform("score", KeyTextTransform(column, "tasks"))
        expression = Cast(cell, FloatField())
    else:
        known = ", ".join([*PLAIN_COLUMNS, *sorted(tasks)])
        raise BadQuery("sort", f"There is no column {column[:60]!r} to sort by. Columns: {known}.")
    order = OrderBy(expression, descending=descending, nulls_last=True)
    return rows.order_by(order, F("rank").asc(nulls_last=True), "model_name", "id")
