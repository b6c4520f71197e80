"""Endpoints in the public API: whether they drift, and how they do hour by hour."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.views import PublicView
from leaderboard.queries.drift import drift
from leaderboard.queries.reliability import reliability_of


class DriftRunOut(serializers.Serializer[Any]):
    """A run against the baseline, in points. `drifted` is null where the caller chose the baseline."""

    submission = serializers.IntegerField(source="submission.pk")
    finished_at = serializers.DateTimeField(source="at", allow_null=True)
    difference = serializers.FloatField()
    low = serializers.FloatField(help_text="95 %")
    high = serializers.FloatField(help_text="95 %")
    p = serializers.FloatField(help_text="of the suite and its tasks together")
    task = serializers.CharField(allow_blank=True, help_text="which of them p comes from; empty: the suite")
    threshold = serializers.FloatField(allow_null=True)
    drifted = serializers.BooleanField(allow_null=True)
    verdict = serializers.CharField(source="word")
    items = serializers.IntegerField()


class DriftOut(serializers.Serializer[Any]):
    endpoint = serializers.IntegerField(source="endpoint.pk")
    origin = serializers.CharField(source="endpoint.origin")
    protocol = serializers.CharField(source="endpoint.protocol")
    served = serializers.CharField(source="endpoint.served")
    model = serializers.CharField(source="name")
    verified = serializers.BooleanField()
    suite = serializers.CharField(source="suite.slug", allow_null=True, default=None)
    baseline = serializers.IntegerField(source="baseline.pk", allow_null=True, default=None)
    drifted = serializers.BooleanField()
    runs = DriftRunOut(source="lines", many=True)


class HourOut(serializers.Serializer[Any]):
    origin = serializers.CharField()
    hour = serializers.DateTimeField()
    requests = serializers.IntegerField(source="attempts")
    failed = serializers.IntegerField(source="errors")
    error_rate = serializers.FloatField(allow_null=True)
    throttled_share = serializers.FloatField(allow_null=True)
    p50_seconds = serializers.FloatField(allow_null=True)
    p95_seconds = serializers.FloatField(allow_null=True)
    tokens_per_second = serializers.FloatField(allow_null=True)


class ReliabilityOut(serializers.Serializer[Any]):
    model = serializers.CharField()
    total = HourOut(allow_null=True)
    hours = HourOut(many=True)


class EndpointDrift(PublicView):
    """Whether an endpoint still answers as it did."""

    shape = DriftOut
    parameters = (
        OpenApiParameter("suite", str, description="name@version; default: of the newest run"),
        OpenApiParameter("baseline", str, description="a submission, such as s12; default: the endpoint's own"),
    )

    @extend_schema(responses={200: DriftOut})
    def get(self, request: Request, pk: int) -> Response:
        """Each later run against the baseline, on identical items."""
        suite, baseline = (request.query_params.get(name, "") for name in ("suite", "baseline"))
        return Response(DriftOut(drift(pk, suite=suite, baseline=baseline)).data)


class Reliability(PublicView):
    """How a model's APIs did."""

    shape = ReliabilityOut
    parameters = (OpenApiParameter("model", str, required=True, description="org/name"),)

    @extend_schema(responses={200: ReliabilityOut})
    def get(self, request: Request) -> Response:
        """Errors, refusals, latency and speed by hour, as this site's evaluations of the last 30 days saw them."""
        name = request.query_params.get("model", "")
        found = reliability_of(name)
        return Response(ReliabilityOut({"model": name, "total": found.total, "hours": found.hours}).data)
