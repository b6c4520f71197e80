"""Models and their revisions as people read about them."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow.compute as pc
from django.db.models import F, Prefetch, QuerySet

from leaderboard.models import Fact, Imported, Model, Price, Revision, Snapshot, Submission, Suite
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.rows import Row, rows_of
from leaderboard.queries.snapshots import columns_of


@dataclass(frozen=True)
class Stated:
    """One statement about a model; `overruled`: the staff says otherwise."""

    title: str
    text: str
    source: str
    as_of: date
    overruled: bool


@dataclass(frozen=True)
class Standing:
    """Where one evaluation of a model stands in the newest ranking of a suite; `imported` says where it comes from."""

    suite: Suite
    row: Row
    imported: Imported | None


@dataclass(frozen=True)
class ModelDetail:
    """A model with its revisions, where they stand on each board, and every attempt to evaluate it."""

    model: Model
    revisions: list[Revision]
    standings: list[Standing]
    facts: list[Stated]
    prices: list[Price]
    submissions: list[Submission]


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


def revisions(model: str = "") -> QuerySet[Revision]:
    """All revisions, or those of one model."""
    found = Revision.objects.select_related("model").order_by("-id")
    return found.filter(model__name=model) if model else found


def model_detail(name: str) -> ModelDetail:
    """One model by `org/name`; raises Missing."""
    model = models().filter(name=name).first() if "\x00" not in name else None
    if model is None:
        raise Missing("model", f"There is no model {name[:200]!r} here. It appears once somebody submits it.")
    attempts = Submission.objects.filter(requested_model=name).select_related("suite", "owner", "revision__model")
    return ModelDetail(
        model=model,
        revisions=list(model.revisions.all()),
        standings=standings_of(model),
        facts=stated(model),
        prices=list(model.prices.filter(replaced_at=None).order_by(F("starts_on").desc(nulls_last=True))),
        submissions=list(attempts.order_by("-id")[:100]),
    )


def standings_of(model: Model) -> list[Standing]:
    """Every row of a model, by suite and rank."""
    newest = Snapshot.objects.order_by("suite_id", "-id").distinct("suite_id").values("pk")
    snapshots = Snapshot.objects.filter(pk__in=newest).select_related("suite").prefetch_related("suite__tasks")
    snapshots = snapshots.order_by("suite__slug").defer("columns")
    found: list[tuple[Suite, Row]] = []
    for snapshot in snapshots:
        data = columns_of(snapshot)
        order = data.order("rank", descending=False)
        ours = np.isin(order, np.flatnonzero(pc.equal(data.table["model"], model.name).to_numpy()))
        found += [(snapshot.suite, row) for row in rows_of(data, order[ours], snapshot.suite.tasks.all())]
    keys = [row.imported_id for _, row in found if row.imported_id]
    sources = Imported.objects.select_related("batch").defer("tasks", "batch__report").in_bulk(keys)
    return [Standing(suite, row, sources.get(row.imported_id or 0)) for suite, row in found]


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
