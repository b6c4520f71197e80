"""What self-hosting costs against APIs, as JSON: the same calculation as the page's."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.views import PublicView
from leaderboard.queries.assumptions import CURVES, FIELDS, FLEETS
from leaderboard.queries.tco import Offer, Tco, tco


class HostingOut(serializers.Serializer[Any]):
    """Of a month, in dollars."""

    gpus = serializers.IntegerField(help_text="in the busiest hour")
    gpu_hours = serializers.FloatField()
    hardware = serializers.FloatField()
    idle = serializers.FloatField(help_text="of hardware")
    staff = serializers.FloatField()
    other = serializers.FloatField()
    total = serializers.FloatField()
    used = serializers.FloatField(help_text="share of what the fleet could answer")
    for_million = serializers.FloatField(help_text="for a million tokens")


class StepOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    dollars = serializers.FloatField(help_text="for a million tokens; all of them sum to for_million")


class UseOut(serializers.Serializer[Any]):
    share = serializers.FloatField()
    for_million = serializers.FloatField(help_text="dollars for a million tokens of a machine so used")


class BreakEvenOut(serializers.Serializer[Any]):
    """Requests a month. Between the two it changes with every further GPU."""

    first = serializers.FloatField(help_text="below it the API is always cheaper")
    always = serializers.FloatField(help_text="from here on self-hosting is always cheaper")
    exact = serializers.BooleanField(help_text="false: self-hosting is surely cheaper there, perhaps also sooner")


class OfferOut(serializers.Serializer[Any]):
    api = serializers.CharField()
    input_price = serializers.FloatField()
    output_price = serializers.FloatField()
    cached_price = serializers.FloatField(allow_null=True)
    month = serializers.FloatField(help_text="dollars")
    for_million = serializers.FloatField(help_text="dollars for a million tokens")
    difference = serializers.FloatField(allow_null=True, help_text="dollars a month that self-hosting costs more")
    break_even = BreakEvenOut(allow_null=True, help_text="null: not computed, or at no volume")


class VariedOut(serializers.Serializer[Any]):
    field = serializers.CharField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    at_low = serializers.FloatField(help_text="dollars for a million tokens")
    at_high = serializers.FloatField(help_text="dollars for a million tokens")


class MeasuredOut(serializers.Serializer[Any]):
    """How fast our own runs of the model were."""

    suite = serializers.CharField()
    hardware = serializers.CharField()
    engine = serializers.CharField()
    dtype = serializers.CharField()
    tokens_per_second = serializers.FloatField(source="tokens")
    runs = serializers.IntegerField()
    day = serializers.DateField()


class TcoOut(serializers.Serializer[Any]):
    assumptions = serializers.DictField(child=serializers.FloatField(allow_null=True))
    curve = serializers.CharField()
    fleet = serializers.ChoiceField(choices=list(FLEETS))
    model = serializers.CharField(allow_blank=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="what has to be said first")
    measured = MeasuredOut(many=True)
    hosting = HostingOut(allow_null=True)
    steps = StepOut(many=True)
    uses = UseOut(many=True)
    sensitivity = VariedOut(many=True)
    offers = OfferOut(many=True)


PARAMETERS = (
    *(
        OpenApiParameter(
            field.name, float, description=f"{field.title}, {field.unit}; default {field.default or 'none'}"
        )
        for field in FIELDS.values()
    ),
    OpenApiParameter("curve", str, description=f"{', '.join(CURVES)}, or the weights of 24 or 168 hours; default day"),
    OpenApiParameter("fleet", str, enum=list(FLEETS)),
    OpenApiParameter("model", str, description="org/name: its measured speed is the throughput, where none is given"),
    OpenApiParameter("api", str, many=True, description="a model of the catalogue that has a price"),
)


class TotalCost(PublicView):
    """Self-hosting against APIs."""

    shape = TcoOut
    parameters = PARAMETERS

    @extend_schema(responses={200: TcoOut})
    def get(self, request: Request) -> Response:
        """What a month of tokens costs on machines of one's own and at APIs. What is not known is null, and `missing`
        names it: nothing is filled in."""
        return Response(TcoOut(told(tco(dict(request.query_params.lists())))).data)


def told(found: Tco) -> dict[str, Any]:
    """As TcoOut says."""
    return {
        "assumptions": dict(found.asked.values), "curve": found.asked.curve, "fleet": found.asked.fleet,
        "model": found.asked.model, "missing": found.missing, "measured": found.measured, "hosting": found.hosting,
        "steps": found.steps or [], "sensitivity": found.sensitivity or [],
        "uses": [{"share": share, "for_million": dollars} for share, dollars in found.uses or []],
        "offers": [offer(found, one) for one in found.offers],
    }  # fmt: skip


def offer(found: Tco, one: Offer) -> dict[str, Any]:
    price, even = one.price, one.break_even
    each = found.asked["input"] + found.asked["output"]
    return {
        "api": one.name, "input_price": price.input, "output_price": price.output, "cached_price": price.cached,
        "month": one.month, "for_million": one.for_million, "difference": one.difference,
        "break_even": even and {"first": even.first / each, "always": even.always / each, "exact": even.exact},
    }  # fmt: skip
