"""The gap between open-weights and proprietary models, as JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.board import RankingView
from leaderboard.queries.gap import SIDES, Capability, gap
from leaderboard.queries.gap_tests import Today


class GapStepOut(serializers.Serializer[Any]):
    """A model that scored more than every one released before it."""

    id = serializers.CharField(source="key", help_text="s12 a submission, i34 an import")
    model = serializers.CharField()
    released = serializers.DateField(source="day")
    score = serializers.FloatField(help_text="0-100")
    half = serializers.FloatField(allow_null=True, help_text="of its 95 % interval; null: nobody knows its error")


class GapLineOut(serializers.Serializer[Any]):
    """By release date. Imported lines were not verified here, and are never compared."""

    side = serializers.ChoiceField(choices=list(SIDES))
    imported = serializers.BooleanField()
    steps = GapStepOut(many=True)


class GapLagOut(serializers.Serializer[Any]):
    """Months from the first step of the side ahead that is as good as the best of the side behind, to that best."""

    behind = serializers.CharField(help_text="open or proprietary")
    months = serializers.FloatField()
    low = serializers.FloatField(allow_null=True, help_text="null: it is not sure that anybody is ahead")
    high = serializers.FloatField()
    since = serializers.CharField(help_text="the step that it is counted from, s12")


class GapTodayOut(serializers.Serializer[Any]):
    """The best of both sides on identical items: the proprietary one minus the open one, in points."""

    open = serializers.CharField(help_text="s12")
    proprietary = serializers.CharField(help_text="s12")
    difference = serializers.FloatField()
    low = serializers.FloatField(help_text="of its 95 % interval")
    high = serializers.FloatField()
    verdict = serializers.ChoiceField(
        choices=["better", "worse", "equivalent", "undecided"], help_text="of the proprietary one against the open one"
    )
    margin = serializers.FloatField(help_text="points within which they are called equivalent")
    items = serializers.IntegerField()
    lag = GapLagOut(allow_null=True, help_text="null: nobody is behind")


class GapCapabilityOut(serializers.Serializer[Any]):
    """The whole suite, or a task."""

    name = serializers.CharField(help_text="suite, or the task's name in lm-eval")
    title = serializers.CharField()
    lines = GapLineOut(many=True)
    today = GapTodayOut(allow_null=True, help_text="null until both sides were measured on the same items")
    missing = serializers.ListField(child=serializers.CharField(), help_text="why nothing is compared")
    saturated = serializers.ListField(
        child=serializers.CharField(), help_text="the best measured ones whose intervals reach a perfect score: s12"
    )


class GapOut(serializers.Serializer[Any]):
    suite = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="the ranking's day")
    capabilities = GapCapabilityOut(many=True)
    left_out = serializers.ListField(child=serializers.CharField(), help_text="rows that are on no line, and why")


class TheGap(RankingView):
    """Open-weights against proprietary models over time."""

    shape = GapOut
    parameters = (OpenApiParameter("suite", str, description="name@version; default the one with the newest ranking"),)

    @extend_schema(responses={200: GapOut})
    def get(self, request: Request) -> Response:
        """The best open-weights and the best proprietary model by release date, and what lies between them today, for
        the suite and each of its tasks. `/gap.csv?suite=` has the lines as a table."""
        found = gap(request.query_params.get("suite", ""))
        body = {"suite": found.suite.slug, "as_of": found.as_of, "left_out": found.left_out}
        return Response(GapOut(body | {"capabilities": [capability(one) for one in found.capabilities]}).data)


def capability(one: Capability) -> dict[str, Any]:
    return {
        "name": one.name, "title": one.title, "lines": one.lines, "missing": one.missing,
        "saturated": [step.key for step in one.saturated], "today": one.today and today(one.today),
    }  # fmt: skip


def today(one: Today) -> dict[str, Any]:
    lag = one.lag and one.at and {**one.lag._asdict(), "behind": one.behind, "since": one.at.key}
    return {
        "open": one.open.key, "proprietary": one.proprietary.key, "difference": one.difference, "low": one.low,
        "high": one.high, "verdict": one.verdict.word.value, "margin": 100 * one.comparison.margin,
        "items": one.comparison.n, "lag": lag,
    }  # fmt: skip
