"""Results of single tasks, and the scores of their items, as JSON."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import pyarrow as pa
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import tabular
from leaderboard.api import paging, tables
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.views import PublicView, whole
from leaderboard.models import Result
from leaderboard.queries import results, submissions
from leaderboard.queries.results import ItemScores


class TaskResultOut(serializers.ModelSerializer[Result]):
    """One task's score in one submission, as fractions; null with `unavailable` saying why."""

    submission = serializers.IntegerField(source="submission_id")
    suite = serializers.CharField(source="submission.suite.slug")
    model = serializers.CharField(source="submission.requested_model")
    revision = serializers.CharField(source="submission.revision.sha", default="", allow_blank=True)
    task = serializers.CharField(source="task.task")
    metric = serializers.CharField(source="task.metric")
    filter = serializers.CharField(source="task.filter")
    items = serializers.CharField(
        source="items_id", allow_null=True, help_text="SHA-256 of the items' hashes: equal for the same items"
    )

    class Meta:
        model = Result
        fields = (
            "id", "submission", "suite", "model", "revision", "task", "metric", "filter", "score", "stderr", "n",
            "unavailable", "items", "created_at",
        )  # fmt: skip


class ItemScoresOut(serializers.Serializer[Any]):
    """Lists are in the order of the items."""

    submission = serializers.IntegerField()
    task = serializers.CharField()
    metric = serializers.CharField()
    filter = serializers.CharField()
    items = serializers.CharField(help_text="SHA-256 of the items' hashes")
    n = serializers.IntegerField()
    item_hashes = serializers.ListField(child=serializers.CharField())
    scores = serializers.ListField(child=serializers.FloatField(), help_text="fractions")


SCHEMA = pa.schema(
    [
        ("id", pa.int64()), ("submission", pa.int64()), ("suite", pa.string()), ("model", pa.string()),
        ("revision", pa.string()), ("task", pa.string()), ("metric", pa.string()), ("filter", pa.string()),
        ("score", pa.float64()), ("stderr", pa.float64()), ("n", pa.int64()), ("unavailable", pa.string()),
        ("items", pa.string()), ("created_at", pa.timestamp("us", "UTC")),
    ]
)  # fmt: skip
BATCH = 2_000


class Results(ListView):
    """Results of single tasks."""

    renderer_classes = tables.RENDERERS
    shape = TaskResultOut
    parameters = (
        OpenApiParameter("suite", str, description="name@version"),
        OpenApiParameter("model", str, description="org/name"),
        OpenApiParameter("task", str, description="its name in lm-eval"),
        OpenApiParameter("submission", int),
        *paging.PARAMETERS,
    )

    @extend_schema(responses=tables.responses(page_of(TaskResultOut)))
    def get(self, request: Request) -> HttpResponseBase:
        """Scores of tasks over all submissions that have come to results, newest first. As CSV or Parquet (`format=`)
        all that match, not a page."""
        query = request.query_params
        submission = whole(request, "submission", 1, most=2**31 - 1) if "submission" in query else None
        named = {name: query.get(name, "") for name in ("suite", "model", "task")}
        found = results.results(submission=submission, **named)
        if kind := tables.wanted(request):
            return tabular.streamed(kind, "results", batches(found))
        return self.listed(request, found)


def batches(rows: QuerySet[Result]) -> Iterator[pa.Table]:
    """All results as tables; one at least."""
    found = rows.iterator(chunk_size=BATCH)
    while True:
        part = [dict(TaskResultOut(one).data) for one in islice(found, BATCH)]
        for one in part:
            one["created_at"] = datetime.fromisoformat(one["created_at"])
        yield pa.Table.from_pylist(part, SCHEMA)
        if len(part) < BATCH:
            return


class Items(PublicView):
    """The scores of a task's items."""

    renderer_classes = tables.RENDERERS
    shape = ItemScoresOut
    parameters = (OpenApiParameter("task", str, required=True, description="of the submission's suite"),)

    def validator(self, request: Request, **named: Any) -> str | None:
        """Results never change; whether they may still be read does."""
        return f"result {submissions.state_of(named['pk'])}"

    @extend_schema(responses=tables.responses(ItemScoresOut))
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """Item by item, what paired tests read: the hash of each item and its score. Also as CSV or Parquet
        (`format=`)."""
        task = request.query_params.get("task", "")
        found = results.item_scores(pk, task)
        if kind := tables.wanted(request):
            lines = pa.table({"item_hash": found.hashes, "score": pa.array(found.scores)})
            return tabular.streamed(kind, f"submission-{pk}-items", iter([lines]))
        return Response(items_of(found))


def items_of(found: ItemScores) -> dict[str, Any]:
    """As ItemScoresOut says; by hand, for a serializer would take seconds over 14,000 items."""
    result = found.result
    return {
        "submission": result.submission_id, "task": result.task.task, "metric": result.task.metric,
        "filter": result.task.filter, "items": result.items_id, "n": result.n, "item_hashes": found.hashes,
        "scores": found.scores.tolist(),
    }  # fmt: skip
