"""Claims about models as JSON, each with what the measurements say of it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.views import PublicView
from leaderboard.queries.claims import claims
from leaderboard.statistics.claims import Outcome


class EvidenceOut(serializers.Serializer[Any]):
    """A comparison behind an outcome: the first minus the second, or the first's own number."""

    what = serializers.CharField()
    first = serializers.CharField(allow_blank=True, help_text="s12; blank where no evaluation is behind it")
    first_model = serializers.CharField(source="first_name")
    second = serializers.CharField(allow_blank=True)
    second_model = serializers.CharField(source="second_name", allow_blank=True)
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="of its 95 % interval, or of its range")
    high = serializers.FloatField(allow_null=True)
    unit = serializers.ChoiceField(choices=["points", "%", "tokens"])
    items = serializers.IntegerField(help_text="identical ones behind it; 0: it is not made of items")


class ClaimOut(serializers.Serializer[Any]):
    slug = serializers.CharField(source="claim.slug")
    text = serializers.CharField(source="claim.text")
    who = serializers.CharField(source="claim.who")
    url = serializers.CharField(source="claim.url", allow_blank=True)
    quotation = serializers.CharField(source="claim.quotation", allow_blank=True, help_text="as it is said there")
    stated_at = serializers.DateTimeField(source="claim.created_at", help_text="with its test")
    test = serializers.CharField(help_text="in words")
    terms = serializers.JSONField(source="claim.terms", help_text="of the test, as staff stated them")
    outcome = serializers.ChoiceField(choices=[one.value for one in Outcome])
    why = serializers.CharField()
    evidence = EvidenceOut(many=True)


class ClaimsOut(serializers.Serializer[Any]):
    results = ClaimOut(many=True)


class Claims(PublicView):
    """Claims about models."""

    paged = True
    shape = ClaimOut

    @extend_schema(operation_id="claims_list", responses={200: ClaimsOut})
    def get(self, request: Request) -> Response:
        """What is claimed of models, each supported, refuted or not yet measured by the newest rankings."""
        return Response(ClaimsOut({"results": claims()}).data)
