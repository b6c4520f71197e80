"""One model as JSON: what it is, where it stands, its family, its history, and everything that was tried."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api import shapes
from leaderboard.api.views import PublicView
from leaderboard.models import Price
from leaderboard.queries import models
from leaderboard.queries.standings import Standing, TaskScore
from leaderboard.statistics.standing_out import Place, Telling

ATTEMPTS = 100
"""The newest ones, which the reply of a model holds; /submissions/ has all."""


class PriceOut(serializers.ModelSerializer[Price]):
    class Meta:
        model = Price
        fields = ("starts_on", "input_price", "output_price", "source", "source_url", "read_on")


class StatementOut(serializers.Serializer[Any]):
    """What somebody states about a model; `overruled`: the staff says otherwise."""

    title = serializers.CharField()
    text = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF moves fields away
    as_of = serializers.DateField()
    overruled = serializers.BooleanField()


class PercentileOut(serializers.Serializer[Place]):
    """The share of `others` of its size, 0-100, that it is above; `low` and `high` by its own 95 % interval."""

    percentile = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    others = serializers.IntegerField()


class StandingOutOut(serializers.Serializer[Any]):
    """A task that is `apart` points of percentile from the model's usual one; `sure`: by more than its noise."""

    task = serializers.CharField()
    apart = serializers.FloatField()
    sure = serializers.BooleanField()


class StandingOut(shapes.RowOut):
    """A row of the model in the newest ranking of a suite, and its percentiles among the models of `size_class`."""

    suite = serializers.CharField()
    size_class = serializers.CharField(allow_blank=True, help_text="empty: nobody knows its size")
    percentile = PercentileOut(allow_null=True)
    percentiles = serializers.DictField(child=PercentileOut(allow_null=True), help_text="by task")
    usual = serializers.FloatField(allow_null=True, help_text="the median of its percentiles")
    strengths = StandingOutOut(many=True)
    weaknesses = StandingOutOut(many=True)


class RelativeOut(serializers.Serializer[Any]):
    """A model of the tree; `known`: it is in this catalogue. `gain` is against the model that it was made from."""

    name = serializers.CharField()
    kind = serializers.CharField()
    way = serializers.CharField(allow_blank=True, help_text="how it was made: fine-tuned, merge")
    known = serializers.BooleanField()
    score = serializers.FloatField(allow_null=True, help_text="0-100, on the family's suite")
    gain = serializers.FloatField(allow_null=True, help_text="points")
    half = serializers.FloatField(allow_null=True, help_text="of the gain's 95 % interval")
    made = serializers.IntegerField(help_text="models of the ranking that were made from it")


class FamilyOut(serializers.Serializer[Any]):
    """What the model was made from, the oldest first, and the best of the models that were made from it."""

    suite = serializers.CharField(source="ranking.suite.slug", default=None, allow_null=True)
    above = RelativeOut(many=True)
    own = RelativeOut()
    children = RelativeOut(many=True)
    made = serializers.IntegerField()
    unranked = serializers.IntegerField(help_text="further ones, without a score there")
    cycle = serializers.BooleanField(help_text="following the bases came back to where it was")
    longer = serializers.BooleanField(help_text="there are more ancestors than are listed")


class PointOut(serializers.Serializer[Any]):
    """An evaluation; `current`: not replaced by a later statement of its source."""

    suite = serializers.CharField()
    evaluation = serializers.CharField(source="key", help_text="s12 a submission, i34 an import")
    imported = serializers.BooleanField()
    day = serializers.DateField(allow_null=True)
    revision = serializers.CharField(source="sha", allow_blank=True)
    settings = serializers.JSONField()
    precision = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(help_text="0-100")
    stderr = serializers.FloatField(allow_null=True)
    current = serializers.BooleanField()


class SpeedOut(serializers.Serializer[Any]):
    """Medians over the newest `runs` here, on one kind of machine."""

    suite = serializers.CharField()
    engine = serializers.CharField(allow_blank=True)
    dtype = serializers.CharField(allow_blank=True)
    hardware = serializers.CharField(allow_blank=True)
    runs = serializers.IntegerField()
    items_per_second = serializers.FloatField(source="items")
    tokens_per_second = serializers.FloatField(source="tokens", allow_null=True)
    load_seconds = serializers.FloatField(source="load", allow_null=True)
    day = serializers.DateField(help_text="of the newest")


class ModelDetailOut(shapes.ModelOut):
    """A model with everything that its page shows, and the newest hundred attempts to evaluate it."""

    facts = StatementOut(many=True)
    prices = PriceOut(many=True)
    standings = StandingOut(many=True)
    family = FamilyOut()
    history = PointOut(many=True)
    speeds = SpeedOut(many=True)
    submissions = shapes.SubmissionOut(many=True)

    class Meta(shapes.ModelOut.Meta):
        fields = (
            *shapes.ModelOut.Meta.fields, "facts", "prices", "standings", "family", "history", "speeds", "submissions",
        )  # type: ignore[assignment]  # fmt: skip


class ModelDetail(PublicView):
    """One model."""

    shape = ModelDetailOut

    @extend_schema(responses={200: ModelDetailOut})
    def get(self, request: Request, name: str) -> Response:
        """Everything known of one model, `org/name`: revisions, standings with percentiles among models of its size,
        family with gains, history, speeds, statements, prices and attempts."""
        found = models.model_detail(name, attempts=ATTEMPTS, beside=None)
        context = {"request": request}
        sources = {one.imported.pk: one.imported for one in found.standings if one.imported}
        return Response(
            {
                **shapes.ModelOut(found.model, context=context).data,
                "facts": StatementOut(found.facts, many=True).data,
                "prices": PriceOut(found.prices, many=True).data,
                "standings": [standing(one, sources) for one in found.standings],
                "family": FamilyOut(found.family).data,
                "history": PointOut(found.points, many=True).data,
                "speeds": SpeedOut(found.speeds, many=True).data,
                "submissions": shapes.SubmissionOut(found.attempts.rows, many=True, context=context).data,
            }
        )


def standing(one: Standing, sources: dict[int, Any]) -> dict[str, Any]:
    """As StandingOut says."""
    return {
        **shapes.RowOut(one.row, context={"sources": sources}).data,
        "suite": one.suite.slug,
        "size_class": one.size_class,
        "percentile": percentile(one.place),
        "percentiles": {task.task.task: percentile(task.place) for task in one.tasks},
        "usual": one.usual,
        "strengths": [told(*pair) for pair in one.strengths],
        "weaknesses": [told(*pair) for pair in one.weaknesses],
    }


def percentile(place: Place | None) -> dict[str, Any] | None:
    return place._asdict() if place else None


def told(task: TaskScore, telling: Telling) -> dict[str, Any]:
    return {"task": task.task.task, "apart": telling.apart, "sure": telling.sure}
