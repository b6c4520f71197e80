"""Models and their revisions as people read about them."""

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from leaderboard.models import Model, Revision, Snapshot, SnapshotRow, Submission
from leaderboard.queries.errors import Missing


@dataclass(frozen=True)
class ModelDetail:
    """A model with its revisions, where they stand on each board, and every attempt to evaluate it."""

    model: Model
    revisions: list[Revision]
    rows: list[SnapshotRow]
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
            rows.select_related("snapshot__suite", "submission", "imported__batch", "revision").order_by(
                "snapshot__suite__slug", "rank", "id"
            )
        ),
        submissions=list(attempts.order_by("-id")[:100]),
    )
