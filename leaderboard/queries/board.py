"""The ranking of a suite as it is shown: one page of the newest snapshot, searched and sorted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.columnar.facts import FACETS
from leaderboard.columnar.search import BadSearch, Term, parse
from leaderboard.columnar.select import NUMERIC, UNKNOWN, FacetValue, Found, Wanted, select
from leaderboard.columnar.table import Columns, Rows, empty
from leaderboard.models import Import, Imported, Snapshot, Submission, Suite, SuiteTask
from leaderboard.queries.columns import Columns as Drawn
from leaderboard.queries.columns import columns, task_column
from leaderboard.queries.errors import BadQuery, Gone, Missing
from leaderboard.queries.rows import Row, rows_of
from leaderboard.queries.snapshots import by_default, columns_of, kept, newest

PAGE_SIZE = 50

PLAIN_COLUMNS = ("rank", "score", "stderr", "model", "parameters", *NUMERIC)
"""What rows can be sorted by, beside the tasks."""


@dataclass(frozen=True)
class Facet:
    """One fact to filter by, with the values that occur and how many rows have each."""

    name: str
    title: str
    values: list[FacetValue]

    @property
    def chosen(self) -> list[str]:
        return [value.value for value in self.values if value.chosen]


@dataclass(frozen=True)
class Board:
    """One page of a ranking. `snapshot` is None while nothing was ranked; `facets` are those with anything to choose.

    `scores` says which of an imported task's two numbers are shown: "normalised" or "raw"; "" where there is but one.
    `source` is the newest import of a suite that was measured elsewhere.
    """

    suite: Suite
    tasks: list[SuiteTask]
    columns: Drawn
    snapshot: Snapshot | None
    rows: list[Row]
    count: int
    page: int
    page_size: int
    pages: int
    sort: str
    search: str
    facets: list[Facet]
    scores: str
    source: Import | None

    @property
    def filtered(self) -> bool:
        """Whether anything leaves rows out."""
        return bool(self.search.strip()) or any(facet.chosen for facet in self.facets)

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
    chosen: Mapping[str, Sequence[str]] | None = None,
    scores: str = "",
    page: int = 1,
    page_size: int = PAGE_SIZE,
    snapshot: int | None = None,
) -> Board:
    """Page `page` of the ranking of `suite` ("name@version", or "" for the default one).

    `sort` is a column or a task's name, with "-" for descending; missing values come last either way. `search` is in
    the language of `columnar.search`; `chosen` holds the values of facets of which a row must have one each. `snapshot`
    is an older ranking instead of the newest. Raises Missing (suite, page), BadQuery (column, search, facet, scores)
    and Gone (snapshot).
    """
    released = suite_named(suite)
    tasks = list(released.tasks.all())
    scores = scores_shown(released, scores)
    ranking = newest(released) if snapshot is None else older(released, snapshot)
    data = columns_of(ranking) if ranking else empty([task.task for task in tasks])
    normalised = scores == "normalised"
    found = select(data, wanted(data, tasks, sort=sort, search=search, chosen=chosen or {}, normalised=normalised))
    count = len(found.rows)
    pages = max(1, -(-count // page_size))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    start = (page - 1) * page_size
    return Board(
        suite=released, tasks=tasks, columns=columns(data, tasks, normalised=normalised), snapshot=ranking,
        rows=rows_of(data, found.rows[start : start + page_size], tasks), count=count, page=page,
        page_size=page_size, pages=pages, sort=sort or "rank", search=search, facets=facets_of(found), scores=scores,
        source=newest_import(released),
    )  # fmt: skip


def whole(
    *, suite: str, sort: str = "", search: str = "", chosen: Mapping[str, Sequence[str]] | None = None, scores: str = ""
) -> tuple[Suite, Columns, Rows]:
    """All rows of the newest ranking that match, as their places (m,) in its columns; arguments and errors as in
    `board`."""
    released = suite_named(suite)
    tasks = list(released.tasks.all())
    normalised = scores_shown(released, scores) == "normalised"
    ranking = newest(released)
    data = columns_of(ranking) if ranking else empty([task.task for task in tasks])
    asked = wanted(data, tasks, sort=sort, search=search, chosen=chosen or {}, normalised=normalised)
    return released, data, select(data, asked).rows


def wanted(
    data: Columns,
    tasks: list[SuiteTask],
    *,
    sort: str,
    search: str,
    chosen: Mapping[str, Sequence[str]],
    normalised: bool,
) -> Wanted:
    """What is asked of a ranking's columns; raises BadQuery."""
    return Wanted(
        terms=terms_of(search, tasks),
        chosen=known_choices(data, chosen),
        sort=sorted_by(data, sort.removeprefix("-") or "rank", tasks, normalised=normalised),
        descending=sort.startswith("-"),
    )


def older(suite: Suite, pk: int) -> Snapshot:
    """A ranking by its number; raises Gone once it is not kept any more."""
    found = kept(suite, pk)
    if found is None:
        raise Gone("cursor", "This ranking is not kept any more; begin again with the first page of the newest one.")
    return found


def sources(rows: Sequence[Row]) -> dict[int, Imported]:
    """The imports behind rows, with all that they say, by key."""
    keys = [row.imported_id for row in rows if row.imported_id]
    return Imported.objects.select_related("batch").defer("tasks", "batch__report").in_bulk(keys) if keys else {}


def newest_import(suite: Suite) -> Import | None:
    """Where the rows of a suite that was measured elsewhere come from."""
    if not suite.imported:
        return None
    return Import.objects.filter(suite=suite).order_by("-id").defer("report").first()


def terms_of(search: str, tasks: list[SuiteTask]) -> tuple[Term, ...]:
    """The terms of a search; raises BadQuery."""
    try:
        return parse(search, {task.task: 0.01 for task in tasks})
    except BadSearch as error:
        raise BadQuery("search", str(error)) from error


def known_choices(data: Columns, chosen: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The choices that are any; raises BadQuery for a facet, or a value, that this ranking does not have."""
    names = [facet.name for facet in FACETS]
    kept: dict[str, list[str]] = {}
    for name, values in chosen.items():
        if name not in names:
            raise BadQuery("filter", f"There is no filter {name[:40]!r}. Filters: {', '.join(names)}.")
        kept[name] = [value for value in values if value]
        known = [*data.choice(name).values, UNKNOWN]
        for value in kept[name]:
            if value not in known:
                some = ", ".join(known[:20])
                raise BadQuery(
                    name, f"No model here has the {name.replace('_', ' ')} {value[:60]!r}. There is: {some}."
                )
    return kept


def facets_of(found: Found) -> list[Facet]:
    """The facets among whose values there is a choice, or was one."""
    listed = [Facet(fact.name, fact.title, found.facets[fact.name]) for fact in FACETS]
    return [facet for facet in listed if len(facet.values) > 1 or facet.chosen]


def sorted_by(data: Columns, column: str, tasks: list[SuiteTask], *, normalised: bool) -> str:
    """The name of the column to sort by; raises BadQuery."""
    if column in PLAIN_COLUMNS:
        return column
    if column in {task.task for task in tasks}:
        return task_column(column, data, normalised=normalised)
    known = ", ".join([*PLAIN_COLUMNS, *(task.task for task in tasks)])
    raise BadQuery("sort", f"There is no column {column[:60]!r} to sort by. Columns: {known}.")


def scores_shown(suite: Suite, asked: str) -> str:
    """Which numbers of an imported, normalised suite are meant: its own, unless raw ones are asked for."""
    if asked not in {"", "normalised", "raw"}:
        raise BadQuery("scores", f"Scores are normalised or raw, not {asked[:40]!r}.")
    return (asked or "normalised") if suite.imported and suite.normalise else ""


def standing_of(submission: Submission) -> tuple[Row, int] | None:
    """The row of a submission in the newest ranking of its suite, and the page of the board (by rank) that shows it;
    None where another submission stands in its place, or it was never ranked."""
    snapshot = newest(submission.suite_id)
    if snapshot is None:
        return None
    data = columns_of(snapshot)
    found = np.flatnonzero(data.number("submission") == submission.pk)
    if not len(found):
        return None
    order = data.order("rank", descending=False)
    page = int(np.flatnonzero(order == found[0])[0]) // PAGE_SIZE + 1
    return rows_of(data, found.tolist(), [])[0], page


def suite_named(slug: str) -> Suite:
    """The suite, or for "" the one with the newest ranking, or else the first; raises Missing.

    What was measured here comes before what was imported.
    """
    if slug:
        found = Suite.objects.filter(slug=slug).first() if "\x00" not in slug else None
        if found is None:
            raise Missing("suite", f"There is no suite {slug[:80]!r}.")
        return found
    newest = by_default().select_related("suite").defer("columns").first()
    first = newest.suite if newest else Suite.objects.filter(name="starter").first() or Suite.objects.first()
    if first is None:
        raise Missing("suite", "No suite has been released here yet: run `manage.py load_suites`.")
    return first
