"""Models and their revisions as people read about them."""

from dataclasses import dataclass
from datetime import date

from django.db.models import F, Prefetch, QuerySet

from leaderboard.models import Fact, Model, Price, Revision, Snapshot, SnapshotRow, Submission
from leaderboard.queries.board import UNSHOWN
from leaderboard.queries.errors import Missing


@dataclass(frozen=True)
class Stated:
    """One statement about a model; `overruled`: the staff says otherwise."""

    title: str
    text: str
    source: str
    as_of: date
    overruled: bool


@dataclass(frozen=True)
class ModelDetail:
    """A model with its revisions, where they stand on each board, and every attempt to evaluate it."""

    model: Model
    revisions: list[Revision]
    rows: list[SnapshotRow]
    facts: list[Stated]
    prices: list[Price]
    submissions: list[Submission]


def models() -> QuerySet[Model]:
    """All models by name, each with its revisions, newest first."""
    return Model.objects.order_by("name").prefetch_related(
        Prefetch("revisions", queryset=Revision.objects.order_by("-id"))
    )


def model_detail(name: str) -> ModelDetail:
    """One model by `org/name`; raises Missing."""
    model = models().filter(name=name).first() if "\x00" not in name else None
    if model is None:
        raise Missing("model", f"There is no model {name[:200]!r} here. It appears once somebody submits it.")
    newest = Snapshot.objects.order_by("suite_id", "-id").distinct("suite_id").values("pk")
    rows = SnapshotRow.objects.filter(snapshot__in=newest, revision__model=model)
    attempts = Submission.objects.filter(requested_model=name).select_related("suite", "owner", "revision__model")
    return ModelDetail(
        model=model,
        revisions=list(model.revisions.all()),
        rows=list(
            rows.select_related("snapshot__suite", "submission", "imported__batch", "revision")
            .defer(*UNSHOWN, "snapshot__columns")
            .order_by("snapshot__suite__slug", "rank", "id")
        ),
        facts=stated(model),
        prices=list(model.prices.filter(replaced_at=None).order_by(F("starts_on").desc(nulls_last=True))),
        submissions=list(attempts.order_by("-id")[:100]),
    )


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
