"""Models, their revisions, suites, and what changed on this site, as JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api import paging, shapes
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.views import PublicView
from leaderboard.models import Price
from leaderboard.queries import changelog, models, suites


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


class StandingOut(shapes.RowOut):
    """A row of the model in the newest ranking of a suite."""

    suite = serializers.CharField()


class ModelDetailOut(shapes.ModelOut):
    """A model with where it stands, what is stated about it, and the newest hundred attempts to evaluate it."""

    facts = StatementOut(many=True)
    prices = PriceOut(many=True)
    standings = StandingOut(many=True)
    submissions = shapes.SubmissionOut(many=True)

    class Meta(shapes.ModelOut.Meta):
        fields = (*shapes.ModelOut.Meta.fields, "facts", "prices", "standings", "submissions")  # type: ignore[assignment]


class ModelRevisionOut(shapes.RevisionOut):
    """A pinned revision and the model that it belongs to."""

    model = serializers.CharField(source="model.name")

    class Meta(shapes.RevisionOut.Meta):
        fields = ("id", "model", *shapes.RevisionOut.Meta.fields)  # type: ignore[assignment]


class ChangeLineOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=changelog.KINDS)
    suite = serializers.CharField()
    text = serializers.CharField()


ATTEMPTS = 100
"""The newest ones, which the reply of a model holds; /submissions/ has all."""


class Models(ListView):
    """All models that were ever submitted or imported, by name, with their revisions."""

    shape = shapes.ModelOut
    order = "name"
    parameters = (
        OpenApiParameter("search", str, description="a part of the name"),
        OpenApiParameter("kind", str, enum=["open", "proprietary"]),
        *paging.PARAMETERS,
    )

    def scope_of(self, request: Request) -> str:
        return "search" if request.query_params.get("search", "").strip() else ""

    @extend_schema(responses={200: page_of(shapes.ModelOut)})
    def get(self, request: Request) -> Response:
        """Models by name."""
        query = request.query_params
        return self.listed(request, models.chosen(search=query.get("search", ""), kind=query.get("kind", "")))


class ModelDetail(PublicView):
    """One model."""

    shape = ModelDetailOut

    @extend_schema(responses={200: ModelDetailOut})
    def get(self, request: Request, name: str) -> Response:
        """Revisions, standings, statements, prices and attempts of one model, `org/name`."""
        found = models.model_detail(name, attempts=ATTEMPTS, beside=None)
        context = {"request": request}
        sources = {one.imported.pk: one.imported for one in found.standings if one.imported}
        standings = [
            {"suite": one.suite.slug, **shapes.RowOut(one.row, context={"sources": sources}).data}
            for one in found.standings
        ]
        return Response(
            {
                **shapes.ModelOut(found.model, context=context).data,
                "facts": StatementOut(found.facts, many=True).data,
                "prices": PriceOut(found.prices, many=True).data,
                "standings": standings,
                "submissions": shapes.SubmissionOut(found.attempts.rows, many=True, context=context).data,
            }
        )


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
        """Releases of suites, and what they changed, and imports; the newest first."""
        return Response({"next": None, "results": ChangeLineOut(changelog.changelog(), many=True).data})
