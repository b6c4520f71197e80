"""Comparisons as JSON: the same numbers as the pages', in points (0-100) where they are scores or differences."""

import math
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.sample_shapes import SampleOut
from leaderboard.api.shapes import ProblemOut
from leaderboard.api.views import PublicView, whole
from leaderboard.queries import compare, diff
from leaderboard.queries.compare import Against, Compared, Entry, refuse_unpaired
from leaderboard.queries.diff import Changed, Place
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.measured import Measured


class AsciiJSON(JSONRenderer):
    """Escapes keep lone surrogates in a model's text, which UTF-8 cannot hold."""

    ensure_ascii = True


class AgainstOut(serializers.Serializer[Any]):
    """One evaluation against the base; `verdict` is null where nothing could be tested, and `reason` says why."""

    verdict = serializers.ChoiceField(choices=["better", "worse", "equivalent", "undecided"], allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    difference = serializers.FloatField(allow_null=True, help_text="points")
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="95 %, points")
    p_unequal = serializers.FloatField(allow_null=True, help_text="of no difference, adjusted by Holm")
    p_equivalent = serializers.FloatField(allow_null=True, help_text="of at least the margin apart, adjusted")
    test = serializers.CharField(allow_blank=True)
    items = serializers.IntegerField(help_text="common items")
    partly_common = serializers.BooleanField(help_text="the two item sets differ")
    tasks = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    noise_floor = serializers.FloatField(
        allow_null=True, help_text="points that two runs of one model may differ by on these machines; null: not known"
    )
    within_noise = serializers.BooleanField(help_text="the difference is smaller than that")
    more_items = serializers.IntegerField(allow_null=True, help_text="that would separate the two, about")


class ComparedCellOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    score = serializers.FloatField(allow_null=True, help_text="points")
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="95 %, points")
    items = serializers.IntegerField()
    unavailable = serializers.CharField(allow_blank=True)
    against = AgainstOut(allow_null=True)


class ComparedTaskOut(serializers.Serializer[Any]):
    task = serializers.CharField()
    title = serializers.CharField()
    metric = serializers.CharField()
    higher_is_better = serializers.BooleanField()
    models = ComparedCellOut(many=True)


class ComparedModelOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    model = serializers.CharField()
    revision = serializers.CharField(allow_blank=True)
    verified = serializers.BooleanField()
    settings = serializers.JSONField()
    score = serializers.FloatField(allow_null=True)
    stderr = serializers.FloatField(allow_null=True)
    against = AgainstOut(allow_null=True)


class ComparisonOut(serializers.Serializer[Any]):
    suite = serializers.CharField()
    base = serializers.CharField()
    margin = serializers.FloatField(help_text="points")
    models = ComparedModelOut(many=True)
    tasks = ComparedTaskOut(many=True)


class ComparedPlaceOut(serializers.Serializer[Any]):
    score = serializers.FloatField()
    sample = SampleOut(allow_null=True)


class ChangedOut(serializers.Serializer[Any]):
    task = serializers.CharField()
    item_hash = serializers.CharField()
    change = serializers.ChoiceField(choices=["improved", "regressed"])
    before = ComparedPlaceOut()
    after = ComparedPlaceOut()


class ChangesOut(serializers.Serializer[Any]):
    task = serializers.CharField()
    regressed = serializers.IntegerField()
    improved = serializers.IntegerField()
    same = serializers.IntegerField()
    against = AgainstOut()


class DiffOut(serializers.Serializer[Any]):
    suite = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    margin = serializers.FloatField()
    overall = AgainstOut()
    tasks = ChangesOut(many=True)
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    problem = serializers.CharField(allow_blank=True)
    items = ChangedOut(many=True)


MARGIN = OpenApiParameter("margin", str, description="points that would not matter; default 1")
REFUSALS = {404: ProblemOut, 409: ProblemOut}


def short(request: Request) -> None:
    if len(request.META.get("QUERY_STRING", "")) > compare.QUERY_LIMIT:
        raise BadQuery("query", f"A comparison's address has at most {compare.QUERY_LIMIT:,} characters.")


class Compare(PublicView):
    """Evaluations of one suite beside each other."""

    shape = ComparisonOut
    parameters = (
        OpenApiParameter("suite", str, description="name@version; needed where models are named"),
        OpenApiParameter("m", str, many=True, required=True, description="2 to 8: s12, i34, or a model's name"),
        OpenApiParameter("base", str, description="one of them; default the first"),
        MARGIN,
    )

    @extend_schema(responses={200: ComparisonOut, **REFUSALS})
    def get(self, request: Request) -> Response:
        """Paired tests of 2 to 8 evaluations against one of them; 409 where no items are common."""
        short(request)
        asked = [one.strip() for one in request.query_params.getlist("m") if one.strip()]
        named = {name: request.query_params.get(name, "") for name in ("suite", "base", "margin")}
        found = compare.compare(asked=asked, **named)
        refuse_unpaired(found)
        return Response(comparison(found))


class Diff(PublicView):
    """Two evaluations item by item."""

    renderer_classes = [AsciiJSON]
    shape = DiffOut
    parameters = (
        OpenApiParameter("task", str, description="of the suite; default all"),
        OpenApiParameter("show", str, enum=diff.SHOWN),
        OpenApiParameter("page", int),
        MARGIN,
    )

    @extend_schema(responses={200: DiffOut, **REFUSALS})
    def get(self, request: Request, first: str, second: str) -> Response:
        """What the second lost and gained against the first: counts, tests, and a page of items with both samples."""
        short(request)
        query = request.query_params
        found = diff.diff(
            first, second, task=query.get("task", ""), show=query.get("show", "all"),
            page=whole(request, "page", 1, most=10**6), margin=query.get("margin", ""),
        )  # fmt: skip
        refuse_unpaired(found.compared)
        tasks = [
            {"task": one.task.task, **one.count, "same": one.same, "against": against_of(one.against)}
            for one in found.changes
        ]
        reply = {
            "suite": found.suite.slug, "before": found.before.id, "after": found.after.id,
            "margin": found.compared.margin, "overall": against_of(found.overall), "tasks": tasks,
            "count": found.count, "page": found.page, "pages": found.pages, "problem": found.problem,
            "items": [changed(one) for one in found.items],
        }  # fmt: skip
        return Response(DiffOut(reply).data)


def comparison(found: Compared) -> dict[str, Any]:
    """As ComparisonOut says; written by hand, for serializers of 320 cells would take most of the time."""
    return {
        "suite": found.suite.slug, "base": found.base.id, "margin": found.margin,
        "models": [model(one.of) | {"against": against_of(one.against)} for one in found.standings],
        "tasks": [
            {
                "task": row.task.task, "title": row.task.title, "metric": row.task.metric,
                "higher_is_better": row.task.higher_is_better, "models": [cell(one) for one in row.entries],
            }
            for row in found.rows
        ],
    }  # fmt: skip


def model(one: Measured) -> dict[str, Any]:
    return {
        "id": one.id, "model": one.name, "revision": one.revision.sha, "verified": one.submission is not None,
        "settings": one.settings, "score": one.score, "stderr": one.stderr,
    }  # fmt: skip


def cell(one: Entry) -> dict[str, Any]:
    return {
        "id": one.of.id, "score": one.points, "interval": one.interval, "items": one.cell.n,
        "unavailable": one.cell.unavailable, "against": against_of(one.against),
    }  # fmt: skip


def against_of(one: Against | None) -> dict[str, Any] | None:
    if one is None:
        return None
    if one.verdict is None:
        numbers: dict[str, Any] = dict.fromkeys(("difference", "interval", "p_unequal", "p_equivalent", "more_items"))
        return {"verdict": None, "reason": one.reason, **numbers, "test": "", "items": 0, "partly_common": False,
                "tasks": 0, "wins": 0, "losses": 0, "noise_floor": one.noise, "within_noise": False}  # fmt: skip
    told, more = one.comparison, one.more
    return {
        "verdict": one.verdict.word.value, "reason": "", "difference": one.difference,
        "interval": [one.low, one.high], "p_unequal": one.verdict.p_unequal, "p_equivalent": one.verdict.p_equivalent,
        "test": told.method, "items": told.n, "partly_common": one.partial, "tasks": one.tasks, "wins": told.wins,
        "losses": told.losses, "noise_floor": one.noise, "within_noise": one.within_noise,
        "more_items": None if more is None or math.isinf(more) else int(more),
    }  # fmt: skip


def changed(one: Changed) -> dict[str, Any]:
    return {
        "task": one.task.task, "item_hash": one.hash, "change": "improved" if one.improved else "regressed",
        "before": place(one.before), "after": place(one.after),
    }  # fmt: skip


def place(one: Place) -> dict[str, Any]:
    return {"score": one.score, "sample": one.item.sample if one.item else None}
