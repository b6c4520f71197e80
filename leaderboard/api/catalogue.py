"""Lists of models, their revisions and suites, and what changed on this site, as JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api import paging, shapes
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.revision_shapes import RevisionOut
from leaderboard.api.views import PublicView
from leaderboard.queries import changelog, models, suites


class ModelLineOut(shapes.ModelOut):
    """A model of the list, and how many evaluations of it there are."""

    measured = serializers.IntegerField(help_text="finished here")
    imported = serializers.IntegerField(help_text="measured elsewhere, not verified here")

    class Meta(shapes.ModelOut.Meta):
        fields = (*shapes.ModelOut.Meta.fields, "measured", "imported")  # type: ignore[assignment]


class ModelRevisionOut(RevisionOut):
    """A pinned revision and the model that it belongs to."""

    model = serializers.CharField(source="model.name")

    class Meta(RevisionOut.Meta):
        fields = ("id", "model", *RevisionOut.Meta.fields)  # type: ignore[assignment]


class ChangeLineOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=changelog.KINDS)
    suite = serializers.CharField(allow_blank=True)
    text = serializers.CharField()
    submission = serializers.IntegerField(allow_null=True, help_text="that was withdrawn or flagged")


class Models(ListView):
    """All models that were ever submitted or imported, by name, with their revisions."""

    shape = ModelLineOut
    order = "name"
    parameters = (
        OpenApiParameter("search", str, description="a part of the name"),
        OpenApiParameter("kind", str, enum=["open", "proprietary"]),
        *paging.PARAMETERS,
    )

    def scope_of(self, request: Request) -> str:
        return "search" if request.query_params.get("search", "").strip() else ""

    @extend_schema(responses={200: page_of(ModelLineOut)})
    def get(self, request: Request) -> Response:
        """Models by name."""
        query = request.query_params
        found = models.chosen(search=query.get("search", ""), kind=query.get("kind", ""))
        return self.listed(request, models.evaluated(found))


class Revisions(ListView):
    """Pinned revisions, newest first."""

    shape = ModelRevisionOut
    parameters = (OpenApiParameter("model", str, description="org/name"), *paging.PARAMETERS)

    @extend_schema(responses={200: page_of(ModelRevisionOut)})
    def get(self, request: Request) -> Response:
        """What was really evaluated: commits of the Hub, digests of a mirror's folders, or what an import names."""
        return self.listed(request, models.revisions(request.query_params.get("model", "")))


class Suites(ListView):
    """All released suites with their tasks."""

    shape = shapes.SuiteOut
    parameters = paging.PARAMETERS

    @extend_schema(responses={200: page_of(shapes.SuiteOut)})
    def get(self, request: Request) -> Response:
        """Every version of every suite, the newest release first."""
        return self.listed(request, suites.suites())


class Changelog(PublicView):
    """What changed in what this site measures and shows."""

    paged = True
    shape = ChangeLineOut

    @extend_schema(operation_id="changelog_list", responses={200: page_of(ChangeLineOut)})
    def get(self, request: Request) -> Response:
        """Releases of suites, and what they changed, imports, withdrawn and flagged results, notes of contamination
        and claims; the newest first."""
        return Response({"next": None, "results": ChangeLineOut(changelog.changelog(), many=True).data})
