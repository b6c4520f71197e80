"""What a ranking can be filtered by: the board's facets, and how many rows a choice would leave."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.board import PARAMETERS, RankingView, asked
from leaderboard.queries.board import facets_of
from leaderboard.queries.selection import selection


class FacetValueOut(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField(help_text="rows with it that fit everything else that is asked")
    chosen = serializers.BooleanField()


class FacetOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="the parameter of /leaderboard/")
    title = serializers.CharField()
    values = FacetValueOut(many=True, help_text="the most frequent first")


class FacetsOut(serializers.Serializer[Any]):
    suite = serializers.CharField()
    count = serializers.IntegerField(help_text="rows that match")
    facets = FacetOut(many=True, help_text="those among whose values there is a choice")


class Facets(RankingView):
    """The facets of a ranking."""

    shape = FacetsOut
    parameters = PARAMETERS

    @extend_schema(responses={200: FacetsOut})
    def get(self, request: Request) -> Response:
        """The values of every facet of the newest ranking with their counts, under the filters of /leaderboard/."""
        found = selection(asked(request))
        facets = facets_of(found.found)
        return Response(FacetsOut({"suite": found.suite.slug, "count": len(found.found.rows), "facets": facets}).data)
