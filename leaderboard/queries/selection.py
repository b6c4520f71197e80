"""What a reader asked of a board, and the rows of the newest ranking that fit it, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leaderboard.columnar.facts import FACETS
from leaderboard.columnar.search import BadSearch, Term, parse
from leaderboard.columnar.select import NUMERIC, OWN, UNKNOWN, Found, Wanted, select
from leaderboard.columnar.table import Columns, empty
from leaderboard.models import Snapshot, Suite, SuiteTask
from leaderboard.queries.columns import NORMALISED, PERCENTILE, task_column
from leaderboard.queries.errors import BadQuery, Gone, Missing
from leaderboard.queries.lately import lately
from leaderboard.queries.personal import PREFIX, Own, own_score
from leaderboard.queries.snapshots import State, by_default, columns_of, kept, newest, state_of

RAW = "raw"
PLAIN_COLUMNS = ("rank", "score", "stderr", "model", "parameters", *NUMERIC)
"""What rows can be sorted by, beside the tasks."""


@dataclass(frozen=True)
class Asked:
    """Everything in a board's address that chooses rows and columns.

    `suite`: "name@version", or "" for the default one. `sort`: a column, a task's name or `OWN`, with "-" for
    descending. `search`: in the language of `columnar.search`. `chosen`: the values of facets of which a row must have
    one each. `scores`: "raw", "normalised" or "percentile". `columns`: the tasks to show; none: all. `weights`: of
    tasks, as texts. `snapshot`: an older ranking instead of the newest.
    """

    suite: str = ""
    sort: str = ""
    search: str = ""
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scores: str = ""
    columns: Sequence[str] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    snapshot: int | None = None


@dataclass(frozen=True)
class Selection:
    """The rows that fit. `ranking` is None while nothing was ranked; `shown`: the tasks to show; `view`: which of a
    task's numbers; `sort`: the order, as it is said in an address; `state`: what the board was when it was asked."""

    suite: Suite
    tasks: list[SuiteTask]
    shown: list[SuiteTask]
    ranking: Snapshot | None
    data: Columns
    found: Found
    view: str
    own: Own | None
    sort: str
    state: State | None


def selection(asked: Asked) -> Selection:
    """Raises Missing (suite), BadQuery (column, search, facet, scores, weights) and Gone (snapshot)."""
    suite, ranking, state = current(asked.suite)
    tasks = list(suite.tasks.all())
    view = view_of(suite, asked.scores)
    if asked.snapshot is not None:
        ranking = older(suite, asked.snapshot)
    data = columns_of(ranking) if ranking else empty([task.task for task in tasks])
    own = own_score(data, suite, tasks, asked.weights)
    sort = asked.sort or (f"-{OWN}" if own else "rank")
    column = sorted_by(data, sort.removeprefix("-"), tasks, view=view, own=own)
    found = select(
        data,
        Wanted(
            terms=terms_of(asked.search, tasks),
            chosen=known_choices(data, asked.chosen),
            own=own.score if own else None,
            sort=column,
            descending=sort.startswith("-"),
        ),
    )
    return Selection(suite, tasks, picked(tasks, asked.columns), ranking, data, found, view, own, sort, state)


def current(slug: str) -> tuple[Suite, Snapshot | None, State | None]:
    """A suite with its tasks, or for "" the one of the front page, the ranking that is shown of it, and the state that
    this is, if there is one; raises Missing.

    The ranking is the one of `state_of` or a newer one, so that no validator promises more than a page shows.
    """
    state = state_of(slug)
    found = ranked(state.key) if state is not None else None
    if found is not None:
        return found.suite, found, state
    suite = suite_named(slug)
    return suite, newest(suite), None


@lately
def ranked(key: int) -> Snapshot | None:
    """A ranking with its suite and the suite's tasks; None once it is not kept any more. 2 queries."""
    found = Snapshot.objects.select_related("suite").prefetch_related("suite__tasks")
    return found.defer("columns", "suite__definition").filter(pk=key).first()


def picked(tasks: list[SuiteTask], columns: Sequence[str]) -> list[SuiteTask]:
    """The tasks with these names in the suite's order, all for none; raises BadQuery for others."""
    wanted = {name for name in columns if name}
    unknown = wanted - {task.task for task in tasks}
    if unknown:
        known = ", ".join(task.task for task in tasks)
        raise BadQuery("columns", f"There is no task {min(unknown)[:60]!r} to show. Tasks: {known}.")
    return [task for task in tasks if task.task in wanted] or tasks


def older(suite: Suite, pk: int) -> Snapshot:
    """A ranking by its number; raises Gone once it is not kept any more."""
    found = kept(suite, pk)
    if found is None:
        raise Gone("cursor", "This ranking is not kept any more; begin again with the first page of the newest one.")
    return found


def terms_of(search: str, tasks: Sequence[SuiteTask]) -> tuple[Term, ...]:
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


def sorted_by(data: Columns, column: str, tasks: Sequence[SuiteTask], *, view: str, own: Own | None) -> str:
    """The name of the column to sort by; raises BadQuery."""
    if column in PLAIN_COLUMNS or (column == OWN and own is not None):
        return column
    if column in {task.task for task in tasks}:
        return task_column(column, data, normalised=view == NORMALISED)
    if column == OWN:
        raise BadQuery("sort", f"To sort by a score of your own, weigh some tasks: {PREFIX}TASK=2.")
    known = ", ".join([*PLAIN_COLUMNS, *(task.task for task in tasks)])
    raise BadQuery("sort", f"There is no column {column[:60]!r} to sort by. Columns: {known}.")


def view_of(suite: Suite, asked: str) -> str:
    """Which numbers are shown: of an imported, normalised suite its own, unless others are asked for; "" where tasks
    have but one."""
    if asked not in {"", NORMALISED, RAW, PERCENTILE}:
        raise BadQuery("scores", f"Scores are normalised, raw or percentile, not {asked[:40]!r}.")
    if asked == PERCENTILE:
        return asked
    return (asked or NORMALISED) if suite.imported and suite.normalise else ""


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
