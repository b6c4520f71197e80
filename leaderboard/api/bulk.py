"""Many submissions in one request: each line is accepted or refused by itself."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.actions.errors import Refused
from leaderboard.api.errors import body, first_problem
from leaderboard.api.once import once
from leaderboard.api.public import submitted
from leaderboard.api.strict import Strict
from leaderboard.api.views import PublicView, token_of
from leaderboard.models import ApiToken
from leaderboard.throttles import Count

MOST = 100


class BulkIn(Strict):
    submissions = serializers.ListField(child=serializers.JSONField(), min_length=1, max_length=MOST)


class LineProblemOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(required=False)
    url = serializers.CharField(required=False)


class LineOut(serializers.Serializer[Any]):
    """What became of one line: a submission, or the problem that a request of its own would have been answered."""

    line = serializers.IntegerField(help_text="from 0, in the order of the request")
    status = serializers.IntegerField(help_text="201, or as a request of its own would have")
    submission = serializers.IntegerField(allow_null=True)
    url = serializers.CharField(allow_null=True)
    problem = LineProblemOut(allow_null=True)


class BulkOut(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = LineOut(many=True)


class Bulk(PublicView):
    """Submit up to a hundred at once."""

    act = "submit"

    @extend_schema(request=BulkIn, responses={200: BulkOut})
    @once
    def post(self, request: Request) -> Response:
        """Each line is a submission as POST /submissions/ takes it, and gets a verdict of its own."""
        token = token_of(request)
        asked = BulkIn(data=request.data)
        asked.is_valid(raise_exception=True)
        lines = asked.validated_data["submissions"]
        self.count(Count("submit", f"owner {token.owner_id}", len(lines)))
        found = [verdict(request, token, number, line) for number, line in enumerate(lines)]
        accepted = sum(one["status"] == 201 for one in found)
        return Response({"accepted": accepted, "refused": len(found) - accepted, "results": found})


def verdict(request: Request, token: ApiToken, number: int, line: Any) -> dict[str, Any]:
    """Submit one line; as LineOut says."""
    told: dict[str, Any] = {"line": number, "status": 201, "submission": None, "url": None, "problem": None}
    try:
        made = submitted(token, line)
    except ValidationError as error:
        field, message = first_problem(error.detail)
        return told | {"status": 400, "problem": body("invalid", message, field)}
    except Refused as error:
        return told | {"status": error.status, "problem": body(error.code, error.message, error.field, error.url)}
    url = request.build_absolute_uri(reverse("submission", args=[made.pk]))
    return told | {"submission": made.pk, "url": url}
