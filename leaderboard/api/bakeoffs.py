"""Bake-offs in the public API: one's own prompts to several models, for oneself alone."""

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evaluator.contract import Settings
from leaderboard.actions.begin_bakeoff import MARGIN, MOST, WIDEST, Candidate, Registered, Weights, begin_bakeoff
from leaderboard.actions.share_bakeoff import cancel_bakeoff
from leaderboard.api import paging
from leaderboard.api.endpoint_shapes import EndpointIn, access_of
from leaderboard.api.once import once
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.public import MOST_WAIT, refuse_body
from leaderboard.api.shapes import NothingIn, SettingsIn
from leaderboard.api.strict import Strict
from leaderboard.api.views import PublicView, token_of, whole
from leaderboard.api.waiting import wait_for
from leaderboard.models import Bakeoff, Endpoint
from leaderboard.queries import bakeoffs, workloads
from leaderboard.queries.bakeoff_estimate import Planned, expected
from leaderboard.queries.bakeoff_items import SHOWN, Said, sides
from leaderboard.queries.bakeoff_report import Report, asked_of, report
from leaderboard.queries.bakeoff_told import told
from leaderboard.queries.endpoints import catalogue_price, whose
from leaderboard.queries.errors import Missing
from leaderboard.queries.switching import switch, wishes_of
from leaderboard.statistics.switching import Answer

NO_STORE = {"Cache-Control": "no-store"}
WORDS = ("better", "worse", "equivalent", "undecided")
POINTS = "points, 0-100"


class CandidateIn(Strict):
    """One model: weights of the Hub, an endpoint with its key, or one that this site's staff registered."""

    model = serializers.CharField(max_length=200, required=False, help_text="Hub ID, org/name")
    revision = serializers.CharField(max_length=200, required=False, help_text="branch, tag or commit; default main")
    settings = SettingsIn(required=False)
    endpoint = EndpointIn(required=False, help_text="in place of model, revision and settings")
    registered = serializers.IntegerField(required=False, min_value=1, help_text="the number of a registered endpoint")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("model", "endpoint", "registered") if name in attrs]
        if len(named) != 1:
            raise serializers.ValidationError({"model": "Name a model, or an endpoint, or a registered one."})
        other = next((name for name in ("revision", "settings") if name in attrs and named != ["model"]), None)
        if other:
            raise serializers.ValidationError({other: "Leave it out: the endpoint says what is asked, and how."})
        return attrs


class BakeoffIn(Strict):
    workload = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1, required=False, help_text="default the newest")
    models = serializers.ListField(child=CandidateIn(), min_length=1, max_length=MOST, help_text="first: the baseline")
    margin = serializers.FloatField(
        min_value=0, max_value=WIDEST, default=MARGIN, help_text="points that would not matter"
    )
    stops = serializers.BooleanField(
        default=False, help_text="ask prompts at random, and a model no more of them once its comparison is decided"
    )
    estimate = serializers.BooleanField(default=False, help_text="say what it will take, and begin nothing")


class ExpectedOut(serializers.Serializer[Any]):
    """What one model will take; null: nobody knows. No name: replies are kept for a day, for who asks again."""

    number = serializers.IntegerField(help_text="its place in what was asked, from 1")
    requests = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    dollars = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    basis = serializers.CharField()


class BakeoffMade(serializers.Serializer[Any]):
    """`id` is null where only the estimate was asked for."""

    id = serializers.IntegerField(allow_null=True)
    expected = ExpectedOut(many=True)


class BakeoffOut(serializers.ModelSerializer[Bakeoff]):
    workload = serializers.IntegerField(source="version.workload_id")
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = Bakeoff
        fields = ("id", "workload", "version", "margin", "stops", "created_at")


class RunOut(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="its place, from 1")
    submission = serializers.IntegerField()
    model = serializers.CharField()
    revision = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)


class TestedOut(serializers.Serializer[Any]):
    """Against the baseline, which has null throughout."""

    difference = serializers.FloatField(allow_null=True, help_text="points")
    difference_interval = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="95 %")
    verdict = serializers.ChoiceField(choices=WORDS, allow_null=True)
    p = serializers.FloatField(allow_null=True, help_text="of what decides, adjusted by Holm")
    more_items = serializers.IntegerField(allow_null=True, help_text="that would separate the two, about")


class ReportedOut(TestedOut):
    """One model; null: not measured, or not known."""

    number = serializers.IntegerField()
    model = serializers.CharField()
    revision = serializers.CharField(allow_blank=True)
    items = serializers.IntegerField(help_text="that it was asked")
    stopped = serializers.BooleanField(help_text="the others were not asked any more: it was decided")
    quality = serializers.FloatField(help_text=POINTS)
    interval = serializers.ListField(child=serializers.FloatField(), help_text="95 %, points")
    dollars_for_1000 = serializers.FloatField(allow_null=True)
    p50_seconds = serializers.FloatField(allow_null=True)
    p95_seconds = serializers.FloatField(allow_null=True)
    items_per_second = serializers.FloatField(allow_null=True)
    tokens_in = serializers.FloatField(allow_null=True, help_text="of one prompt, on average")
    tokens_out = serializers.FloatField(allow_null=True)
    refusals = serializers.IntegerField()
    not_in_form = serializers.IntegerField(help_text="answers that are not in the form asked for")
    cut_at_limit = serializers.IntegerField()
    empty = serializers.IntegerField()


class TaggedOut(TestedOut):
    number = serializers.IntegerField()
    quality = serializers.FloatField(help_text=POINTS)


class TagOut(serializers.Serializer[Any]):
    tag = serializers.CharField()
    items = serializers.IntegerField()
    models = TaggedOut(many=True)


class BakeoffReportOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    workload = serializers.IntegerField()
    version = serializers.IntegerField()
    items = serializers.IntegerField()
    margin = serializers.FloatField()
    stops = serializers.BooleanField(help_text="intervals and p-values hold whenever it was stopped")
    live = serializers.BooleanField(help_text="something still runs, or waits")
    baseline = serializers.IntegerField(allow_null=True)
    runs = RunOut(many=True)
    models = ReportedOut(many=True, help_text="those that were measured")
    tags = TagOut(many=True)


class SaidOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    score = serializers.FloatField()
    answer = serializers.CharField(allow_blank=True, help_text="all of it")
    taken = serializers.CharField(allow_null=True, allow_blank=True, help_text="for the answer; null: none is in it")
    refused = serializers.BooleanField()


class SidesItemOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    id = serializers.CharField()
    prompt = serializers.CharField()
    references = serializers.ListField(child=serializers.CharField())
    a = SaidOut()
    b = SaidOut()


class SidesOut(serializers.Serializer[Any]):
    show = serializers.ChoiceField(choices=list(SHOWN))
    counts = serializers.DictField(child=serializers.IntegerField())
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    items = SidesItemOut(many=True)


class CheckOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    holds = serializers.BooleanField(allow_null=True)
    said = serializers.CharField()


class SwitchOut(serializers.Serializer[Any]):
    answer = serializers.ChoiceField(choices=[one.value for one in Answer])
    checks = CheckOut(many=True)
    more_items = serializers.IntegerField(allow_null=True, help_text="that would decide about quality, about")


def candidate_of(asked: dict[str, Any]) -> Candidate:
    if "endpoint" in asked:
        return access_of(asked["endpoint"])
    if "registered" in asked:
        return Registered(asked["registered"])
    settings = msgspec.convert(asked.get("settings", {}), Settings)
    return Weights(asked["model"], asked.get("revision", "main"), settings)


def planned_of(candidate: Candidate) -> Planned:
    match candidate:
        case Weights():
            return Planned(candidate.model)
        case Registered():
            row = Endpoint.objects.filter(pk=candidate.endpoint, operated=True).first()
            model = whose(row.origin, row.served).model if row else None
            price = candidate.price or (catalogue_price(model) if model else None)
            return Planned(f"endpoint {candidate.endpoint}", True, price)
        case _:
            return Planned(candidate.model, True, candidate.price)


READ = (
    OpenApiParameter("margin", str, description="points that would not matter; default the bake-off's"),
    OpenApiParameter("base", str, description="the baseline's number; default 1"),
    OpenApiParameter("hour", str, description="dollars for an hour of a machine that runs weights"),
)


def report_of(request: Request, pk: int) -> Report:
    course = bakeoffs.course(token_of(request).owner, pk)
    return report(course, asked_of(request.query_params, course))


class Bakeoffs(ListView):
    """Your bake-offs; POST begins one."""

    shape = BakeoffOut
    scopes = {"POST": "submit"}
    parameters = (OpenApiParameter("workload", int, description="only of this workload"), *paging.PARAMETERS)

    @extend_schema(responses={200: page_of(BakeoffOut)})
    def get(self, request: Request) -> Response:
        """Your bake-offs, newest first. Nobody else sees that they are there."""
        workload = whole(request, "workload", 1, most=2**31) if "workload" in request.query_params else None
        return self.listed(request, bakeoffs.bakeoffs(token_of(request).owner, workload))

    @extend_schema(request=BakeoffIn, responses={201: BakeoffMade})
    @once
    def post(self, request: Request) -> Response:
        """Ask several models the prompts of a workload; with `estimate` only say what that will take."""
        token = token_of(request)
        body = BakeoffIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        candidates = [candidate_of(one) for one in asked["models"]]
        versions = workloads.versions(token.owner, asked["workload"])
        wanted = asked.get("version", versions[0].number)
        version = next((one for one in versions if one.number == wanted), None)
        if version is None:
            raise Missing("version", f"Your workload {asked['workload']} has no version {wanted}.")
        planned = [planned_of(one) for one in candidates]
        told_first = [
            {"number": number, **vars(one)}
            for number, one in enumerate(expected(token.owner, version, planned), start=1)
        ]
        made = None
        if not asked["estimate"]:
            made = begin_bakeoff(
                owner=token.owner, maker=token.user, workload=asked["workload"], version=wanted,
                candidates=candidates, margin=asked["margin"], stops=asked["stops"],
            ).pk  # fmt: skip
        return Response(BakeoffMade({"id": made, "expected": told_first}).data, status=201, headers=NO_STORE)


class BakeoffReport(PublicView):
    """One bake-off: how far it has come, and what it says so far."""

    shape = BakeoffReportOut
    parameters = (
        *READ,
        OpenApiParameter("wait", int, description=f"seconds (0 to {MOST_WAIT}) to wait until nothing runs any more"),
    )

    @extend_schema(responses={200: BakeoffReportOut})
    def get(self, request: Request, pk: int) -> Response:
        """Quality with paired tests against the baseline, cost, latency, tokens, what went wrong, and by tag."""
        seconds = whole(request, "wait", 0, most=MOST_WAIT, least=0)
        owner = token_of(request).owner
        if seconds and bakeoffs.course(owner, pk).live:
            wait_for(lambda: not bakeoffs.course(owner, pk).live, seconds)
        return Response(told(report_of(request, pk)), headers=NO_STORE)


class BakeoffItems(PublicView):
    """Answers side by side."""

    shape = SidesOut
    parameters = (
        OpenApiParameter("a", str, description="a model's number; default the baseline"),
        OpenApiParameter("b", str, description="another's"),
        OpenApiParameter("show", str, enum=list(SHOWN)),
        OpenApiParameter("tag", str),
        OpenApiParameter("page", int),
        *READ,
    )

    @extend_schema(responses={200: SidesOut})
    def get(self, request: Request, pk: int) -> Response:
        """A page of prompts with what two models answered, such as those where only the first is right."""
        found = sides(
            report_of(request, pk), request.query_params.dict(), page=whole(request, "page", 1, most=10**6)
        )  # fmt: skip
        items = [
            {"number": one.number, "id": one.item.key, "prompt": one.item.prompt,
             "references": list(one.item.references), "a": said(one.first), "b": said(one.second)}
            for one in found.items
        ]  # fmt: skip
        return Response(
            {"show": found.show, "counts": found.counts, "page": found.page, "pages": found.pages, "items": items},
            headers=NO_STORE,
        )


def said(one: Said) -> dict[str, Any]:
    return {
        "number": one.measured.entrant.number, "score": one.score, "answer": one.text, "taken": one.judged.answer,
        "refused": one.refused,
    }  # fmt: skip


class BakeoffSwitch(PublicView):
    """Can one of the models take the baseline's place?"""

    shape = SwitchOut
    parameters = (
        OpenApiParameter("to", str, description="the number of the model; default the best of the others"),
        *READ,
        OpenApiParameter("context", str, description="tokens that it has to read at least"),
        OpenApiParameter("budget", str, description="dollars for 1,000 requests, at most"),
        OpenApiParameter("licence", str, many=True, description="one of these families"),
        OpenApiParameter("modality", str, many=True, description="all that it has to read"),
    )

    @extend_schema(responses={200: SwitchOut})
    def get(self, request: Request, pk: int) -> Response:
        """Switch, stay, or not yet known, with the bound that decides and about how many more prompts would."""
        found = report_of(request, pk)
        query = request.query_params
        decision = switch(found, wishes_of(query, dict(query.lists()), found)).decision
        more = None if decision.more is None or decision.more == float("inf") else int(decision.more)
        reply = {
            "answer": decision.answer.value, "more_items": more, "checks": [one._asdict() for one in decision.checks],
        }  # fmt: skip
        return Response(reply, headers=NO_STORE)


class BakeoffCancel(PublicView):
    """Give up what still runs."""

    @extend_schema(request=NothingIn, responses={200: BakeoffReportOut})
    def post(self, request: Request, pk: int) -> Response:
        """Cancel every run that has not ended; a worker stops within seconds."""
        refuse_body(request)
        owner = token_of(request).owner
        cancel_bakeoff(owner=owner, bakeoff=pk)
        course = bakeoffs.course(owner, pk)
        return Response(told(report(course, asked_of({}, course))), headers=NO_STORE)
