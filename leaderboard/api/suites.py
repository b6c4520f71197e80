"""The public API of suites and tasks: what they measure, and what the results say about them."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.shapes import SuiteOut
from leaderboard.api.views import PublicView
from leaderboard.models import SuiteTask
from leaderboard.queries.items import ItemTable
from leaderboard.queries.selection import suite_named
from leaderboard.queries.sizes import Axis, axis_named, sizes
from leaderboard.queries.suites import suite_detail
from leaderboard.queries.tasks import task_items, task_lines

AXES = [axis.value for axis in Axis]


class ChangeOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["added", "removed", "changed"])
    what = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class VersionOut(serializers.Serializer[Any]):
    suite = serializers.CharField(source="suite.slug")
    released_at = serializers.DateTimeField(source="suite.released_at")
    changes = ChangeOut(many=True)


class SpreadOut(serializers.Serializer[Any]):
    """A task's scores over the models, as fractions."""

    task = serializers.CharField(source="task.task")
    models = serializers.IntegerField()
    items = serializers.ListField(child=serializers.IntegerField(), help_text="numbers of items that results have")
    quartiles = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="lowest, first quartile, median, third, highest"
    )
    best = serializers.IntegerField(source="top", help_text="how many of the best models have a standard error")
    reaching = serializers.IntegerField(help_text="how many of those reach a perfect score within their interval")
    noise_floor = serializers.FloatField(source="noise", allow_null=True)


class CountsOut(serializers.Serializer[Any]):
    measured = serializers.IntegerField()
    imported = serializers.IntegerField(help_text="models that have imported results only")


class SuiteDetailOut(serializers.Serializer[Any]):
    definition = SuiteOut(source="suite")
    bundle = serializers.CharField(source="suite.bundle_id", allow_null=True, help_text="SHA-256 of its task files")
    models = CountsOut(source="*")
    noise_floor = serializers.FloatField(source="noise", allow_null=True, help_text="of suite scores, 0-100")
    spread = SpreadOut(source="spreads", many=True)
    versions = VersionOut(source="steps", many=True)


class SizedOut(serializers.Serializer[Any]):
    """A row; `front`: no model with less of x (of throughput and contexts: more) scores as high. `rows`: how many it is
    drawn for."""

    id = serializers.CharField(source="key", help_text="s12 a submission, i34 an import")
    model = serializers.CharField(source="name")
    kind = serializers.CharField()
    precision = serializers.CharField(allow_blank=True)
    x = serializers.FloatField(
        help_text="parameters, dollars for a million tokens (3 in, 1 out), tokens/s, or tokens of context"
    )
    score = serializers.FloatField(help_text="0-100")
    half = serializers.FloatField(allow_null=True, help_text="of its 95 % interval")
    front = serializers.BooleanField()
    pinned = serializers.BooleanField()
    rows = serializers.IntegerField()


class SizesOut(serializers.Serializer[Any]):
    suite = serializers.CharField(source="suite.slug")
    axis = serializers.ChoiceField(choices=AXES, source="axis.value")
    rows = serializers.IntegerField(help_text="with a score and a known x")
    unsized = serializers.IntegerField(help_text="with a score alone")
    hardware = serializers.CharField(allow_blank=True, help_text="of throughput: what all of it was measured on")
    drawn = SizedOut(many=True)


class PlaceOut(serializers.ModelSerializer[SuiteTask]):
    """A task as one suite has it."""

    suite = serializers.CharField(source="suite.slug")

    class Meta:
        model = SuiteTask
        fields = ("suite", "title", "metric", "filter", "num_fewshot", "limit", "higher_is_better", "baseline")


class TaskLineOut(serializers.Serializer[Any]):
    task = serializers.CharField()
    title = serializers.CharField()
    suites = PlaceOut(source="places", many=True)


class TaskListOut(serializers.Serializer[Any]):
    results = TaskLineOut(many=True)


class ItemSetOut(serializers.Serializer[Any]):
    """Answers to the same items under the same settings; lists are in the order of the items."""

    digest = serializers.CharField(source="items.digest", help_text="SHA-256 of the items' hashes")
    items = serializers.IntegerField(source="items.n")
    suites = serializers.ListField(source="slugs", child=serializers.CharField())
    metric = serializers.CharField(source="setting.metric")
    filter = serializers.CharField(source="setting.filter")
    num_fewshot = serializers.IntegerField(source="setting.num_fewshot", allow_null=True)
    models = serializers.IntegerField(help_text="one run of each, its newest")
    measured = serializers.IntegerField()
    imported = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="models that were not read")
    graded = serializers.BooleanField(help_text="some scores lie between 0 and 1; solved is 0.5 or more")
    solved = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="models that solve each item; null under 5 models"
    )
    discrimination = serializers.ListField(
        child=serializers.FloatField(allow_null=True), allow_null=True, help_text="corrected point-biserial"
    )


class TaskDetailOut(TaskLineOut):
    item_sets = ItemSetOut(many=True)
    more_item_sets = serializers.IntegerField(help_text="with fewer models, not shown")


class Suite(PublicView):
    """One version of a suite."""

    shape = SuiteDetailOut

    @extend_schema(responses={200: SuiteDetailOut})
    def get(self, request: Request, slug: str) -> Response:
        """What it measures, how its results lie, and what its versions changed."""
        return Response(SuiteDetailOut(suite_detail(slug)).data)


class Sizes(PublicView):
    """Scores against sizes."""

    shape = SizesOut
    parameters = (
        OpenApiParameter("x", str, enum=AXES, description="what scores are drawn against; default parameters"),
        OpenApiParameter("pin", str, many=True, description="a row to keep: s12 or i34"),
    )

    @extend_schema(responses={200: SizesOut})
    def get(self, request: Request, slug: str) -> Response:
        """The newest ranking's rows by size, price, throughput or context, as the suite's page draws them, and the
        Pareto front. `/suites/NAME/VERSION/sizes.csv` has every row."""
        axis = axis_named(request.query_params.get("x", ""))
        return Response(SizesOut(sizes(suite_named(slug), request.query_params.getlist("pin"), axis)).data)


class Tasks(PublicView):
    """All tasks of all suites."""

    paged = True
    shape = TaskLineOut

    @extend_schema(operation_id="tasks_list", responses={200: TaskListOut})
    def get(self, request: Request) -> Response:
        """Every task by name, with its settings in each suite."""
        return Response(TaskListOut({"results": task_lines()}).data)


class Task(PublicView):
    """One task."""

    shape = TaskDetailOut

    @extend_schema(responses={200: TaskDetailOut})
    def get(self, request: Request, task: str) -> Response:
        """Its settings in each suite, and what is known of its items."""
        line, tables, more = task_items(task)
        body = TaskDetailOut(
            {"task": line.task, "title": line.title, "places": line.places, "item_sets": [], "more_item_sets": more}
        ).data
        return Response({**body, "item_sets": [item_set(one) for one in tables]})


def item_set(table: ItemTable) -> dict[str, Any]:
    """As ItemSetOut says; written by hand, for a serializer would take seconds over 14,000 items."""
    return {
        "digest": table.items.digest, "items": table.items.n, "suites": table.slugs,
        "metric": table.setting.metric, "filter": table.setting.filter, "num_fewshot": table.setting.num_fewshot,
        "models": table.models, "measured": table.measured, "imported": table.imported, "left_out": table.left_out,
        "graded": table.graded,
        "solved": None if table.solved is None else table.solved.tolist(),
        "discrimination": None if table.telling is None
        else [None if one != one else round(one, 4) for one in table.telling.tolist()],
    }  # fmt: skip
