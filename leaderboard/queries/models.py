"""Models and their revisions as people read about them."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from leaderboard.models import Fact, Imported, Model, Price, Revision, Submission
from leaderboard.queries.context import Reach, reach_of
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.family import Family, family_of
from leaderboard.queries.history import Point, Speed, points_of, speeds_of
from leaderboard.queries.standings import BESIDE, Standing, SuiteStandings, rankings, standings_of

ATTEMPTS = 25
"""Attempts on a page."""
REVISIONS = 50
"""Revisions that a page lists, the newest."""
LISTED = 50
SEARCH_LIMIT, WORDS = 200, 8


@dataclass(frozen=True)
class Stated:
    """One statement about a model; `overruled`: the staff says otherwise."""

    title: str
    text: str
    source: str
    as_of: date
    overruled: bool


@dataclass(frozen=True)
class Attempts:
    """One page of every attempt to evaluate a model, the newest first; none is left out, however it ended."""

    rows: list[Submission]
    count: int
    page: int
    pages: int


@dataclass(frozen=True)
class ModelDetail:
    """A model with its revisions, where they stand on each board, its family, and every attempt to evaluate it."""

    model: Model
    revisions: list[Revision]
    more_revisions: int
    suites: list[SuiteStandings]
    points: list[Point]
    family: Family
    speeds: list[Speed]
    facts: list[Stated]
    prices: list[Price]
    reach: Reach | None
    attempts: Attempts
    repeatable: list[Submission]
    """The submission behind the best measured evaluation on each suite."""

    @property
    def newest(self) -> Revision | None:
        return self.revisions[0] if self.revisions else None

    @property
    def context_length(self) -> int | None:
        """In tokens: what is stated of the model, else of its newest revision."""
        return context_of(self.model, self.newest)

    @property
    def standings(self) -> list[Standing]:
        """Every evaluation that stands in a ranking, by suite and rank."""
        return [one for suite in self.suites for one in suite.standings]


def models() -> QuerySet[Model]:
    """All models by name, each with its revisions, newest first."""
    return Model.objects.order_by("name").prefetch_related(
        Prefetch("revisions", queryset=Revision.objects.order_by("-id"))
    )


def chosen(*, search: str = "", kind: str = "") -> QuerySet[Model]:
    """Models whose name has a text in it, of a kind, as far as each is given; raises BadQuery."""
    if kind and kind not in Model.Kind.values:
        raise BadQuery("kind", f"kind is one of {', '.join(Model.Kind.values)}, not {kind[:40]!r}.")
    found = models()
    if search.strip():
        found = found.filter(name__icontains=search.strip())
    return found.filter(kind=kind) if kind else found


def evaluated(found: QuerySet[Model]) -> QuerySet[Model]:
    """Models with `measured` and `imported`: how many evaluations of each there are, here and elsewhere."""
    here = Submission.objects.filter(revision__model=OuterRef("pk"), state=Submission.State.SUCCEEDED)
    there = Imported.objects.filter(revision__model=OuterRef("pk"), superseded_at=None)
    counts = {
        name: Coalesce(Subquery(rows.order_by().values("revision__model").annotate(n=Count("pk")).values("n")), 0)
        for name, rows in (("measured", here), ("imported", there))
    }
    return found.annotate(**counts)


def revisions(model: str = "") -> QuerySet[Revision]:
    """All revisions, or those of one model."""
    found = Revision.objects.select_related("model").order_by("-id")
    return found.filter(model__name=model) if model else found


def model_named(name: str) -> Model:
    """One model by `org/name`; raises Missing."""
    found = Model.objects.filter(name=name).first() if "\x00" not in name and len(name) <= 400 else None
    if found is None:
        raise Missing("model", f"There is no model {name[:200]!r} here. It appears once somebody submits it.")
    return found


def model_detail(name: str, *, page: int = 1, attempts: int = ATTEMPTS, beside: int | None = BESIDE) -> ModelDetail:
    """One model by `org/name`, with page `page` of its attempts and `beside` evaluations on each suite (None: all).

    Raises Missing (model, page).
    """
    model = model_named(name)
    shown = model.revisions.filter(hidden=False)
    revisions = list(shown.order_by("-id")[: REVISIONS + 1])
    more = shown.count() - REVISIONS if len(revisions) > REVISIONS else 0
    among = rankings()
    suites = standings_of(model.name, among, most=beside)
    return ModelDetail(
        model=model,
        revisions=revisions[:REVISIONS],
        more_revisions=more,
        suites=suites,
        points=points_of(model),
        family=family_of(model, among),
        speeds=speeds_of(model),
        facts=stated(model),
        prices=list(model.prices.filter(replaced_at=None).order_by(F("starts_on").desc(nulls_last=True))),
        reach=reach_of(model, context_of(model, revisions[0] if revisions else None)),
        attempts=attempts_of(model, page, attempts),
        repeatable=repeatable(suites),
    )


def repeatable(suites: list[SuiteStandings]) -> list[Submission]:
    """The submissions whose commands a page shows, by suite. 1 query."""
    best = [next((one.row.submission_id for one in suite.standings if one.row.verified), None) for suite in suites]
    keys = [key for key in best if key is not None]
    found = Submission.objects.filter(pk__in=keys).select_related("suite", "revision")
    return list(found.defer("provenance", "suite__definition").order_by("suite__slug")) if keys else []


def attempts_of(model: Model, page: int, size: int) -> Attempts:
    """Every submission that asked for this model by its name, or that was pinned to a revision of it.

    Raises Missing for a page that there is not. 3 queries.
    """
    # As a list: with a subquery PostgreSQL would read every submission instead of two indexes.
    pinned = list(model.revisions.values_list("pk", flat=True))
    ours = Submission.objects.filter(Q(requested_model=model.name) | Q(revision__in=pinned))
    count = ours.count()
    pages = max(1, -(-count // size))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page} of attempts; there are {pages}.")
    rows = ours.select_related("suite", "owner", "revision").defer("provenance", "suite__definition").order_by("-id")
    return Attempts(list(rows[(page - 1) * size : page * size]), count, page, pages)


def stated(model: Model) -> list[Stated]:
    """What the catalogue and the staff state about a model, by fact, with their sources."""
    facts = list(model.facts.order_by("field", "-origin"))
    by_staff = {fact.field for fact in facts if fact.origin == Fact.Origin.STAFF}
    return [
        Stated(
            title=fact.field.replace("_", " ").capitalize(),
            text=", ".join(map(str, fact.value)) if isinstance(fact.value, list) else str(fact.value),
            source=f"{fact.source} (this site’s staff)" if fact.origin == Fact.Origin.STAFF else fact.source,
            as_of=fact.as_of,
            overruled=fact.origin == Fact.Origin.CATALOGUE and fact.field in by_staff,
        )
        for fact in facts
    ]


@dataclass(frozen=True)
class Listed:
    """A model in the list: its newest revision, if it has any, and how often it was evaluated here and elsewhere."""

    model: Model
    revision: Revision | None
    measured: int
    imported: int

    @property
    def context_length(self) -> int | None:
        return context_of(self.model, self.revision)


def context_of(model: Model, revision: Revision | None) -> int | None:
    return model.context_length or (revision.context_length if revision else None)


@dataclass(frozen=True)
class ModelList:
    """One page of the catalogue. `kinds` counts what fits the search, by kind of weights."""

    lines: list[Listed]
    search: str
    kind: str
    kinds: dict[str, int]
    page: int
    pages: int

    @property
    def all(self) -> int:
        return sum(self.kinds.values())

    @property
    def count(self) -> int:
        return self.kinds.get(self.kind, 0) if self.kind else self.all


def model_list(*, search: str = "", kind: str = "", page: int = 1) -> ModelList:
    """The catalogue by name: models whose names hold every word of `search`, whatever the case.

    Raises BadQuery (search, kind) and Missing (page). 5 queries.
    """
    if len(search) > SEARCH_LIMIT or "\x00" in search or len(search.split()) > WORDS:
        raise BadQuery("search", f"A search has at most {WORDS} words and {SEARCH_LIMIT} characters.")
    if kind not in {"", *Model.Kind.values}:
        raise BadQuery("kind", f"A model is open or proprietary, not {kind[:40]!r}.")
    fits = Model.objects.all()
    for word in search.split():
        fits = fits.filter(name__icontains=word)
    kinds = dict(fits.order_by().values("kind").annotate(n=Count("pk")).values_list("kind", "n"))
    chosen = fits.filter(kind=kind) if kind else fits
    count = kinds.get(kind, 0) if kind else sum(kinds.values())
    pages = max(1, -(-count // LISTED))
    if not 1 <= page <= pages:
        raise Missing("page", f"There is no page {page}; there are {pages}.")
    rows = list(chosen.order_by("name")[(page - 1) * LISTED : page * LISTED])
    return ModelList(listed(rows), search, kind, kinds, page, pages)


def listed(rows: list[Model]) -> list[Listed]:
    """Each with its newest revision and how often it was evaluated. 3 queries."""
    keys = [row.pk for row in rows]
    newest = Revision.objects.filter(model__in=keys).order_by("model_id", "-id").distinct("model_id")
    revisions = {one.model_id: one for one in newest}
    here = Submission.objects.filter(revision__model__in=keys, state=Submission.State.SUCCEEDED)
    there = Imported.objects.filter(revision__model__in=keys, superseded_at=None)
    measured, imported = (
        dict(found.order_by().values("revision__model").annotate(n=Count("pk")).values_list("revision__model", "n"))
        for found in (here, there)
    )
    return [Listed(row, revisions.get(row.pk), measured.get(row.pk, 0), imported.get(row.pk, 0)) for row in rows]
