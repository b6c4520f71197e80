"""Results of single tasks, and the scores of their items, as JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api import paging
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


class Results(ListView):
    """Results of single tasks."""

    shape = TaskResultOut
    parameters = (
        OpenApiParameter("suite", str, description="name@version"),
        OpenApiParameter("model", str, description="org/name"),
        OpenApiParameter("task", str, description="its name in lm-eval"),
        OpenApiParameter("submission", int),
        *paging.PARAMETERS,
    )

    @extend_schema(responses={200: page_of(TaskResultOut)})
    def get(self, request: Request) -> Response:
        """Scores of tasks over all submissions that have come to results, newest first."""
        query = request.query_params
        submission = whole(request, "submission", 1, most=2**31 - 1) if "submission" in query else None
        named = {name: query.get(name, "") for name in ("suite", "model", "task")}
        return self.listed(request, results.results(submission=submission, **named))


class Items(PublicView):
    """The scores of a task's items."""

    shape = ItemScoresOut
    parameters = (OpenApiParameter("task", str, required=True, description="of the submission's suite"),)

    def validator(self, request: Request, **named: Any) -> str | None:
        """Results never change; whether they may still be read does."""
        return f"result {submissions.state_of(named['pk'])}"

    @extend_schema(responses={200: ItemScoresOut})
    def get(self, request: Request, pk: int) -> Response:
        """Item by item, what paired tests read: the hash of each item and its score."""
        return Response(items_of(results.item_scores(pk, request.query_params.get("task", ""))))


def items_of(found: ItemScores) -> dict[str, Any]:
    """As ItemScoresOut says; by hand, for a serializer would take seconds over 14,000 items."""
    result = found.result
    return {
        "submission": result.submission_id, "task": result.task.task, "metric": result.task.metric,
        "filter": result.task.filter, "items": result.items_id, "n": result.n, "item_hashes": found.hashes,
        "scores": found.scores.tolist(),
    }  # fmt: skip
