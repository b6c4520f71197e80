"""The public API's JSON for endpoints. The key comes in and never goes out."""

from typing import Any

from rest_framework import serializers

from evaluator.contract import Price, Sampling
from leaderboard.actions.access import MOST_AT_ONCE, PROTOCOLS, Access
from leaderboard.api.strict import Strict

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


class SamplingIn(Strict):
    """Null: the parameter is not sent, and the model's own default holds."""

    temperature = serializers.FloatField(default=0.0, allow_null=True)
    top_p = serializers.FloatField(default=None, allow_null=True)
    max_tokens = serializers.IntegerField(min_value=1, max_value=10**6, default=None, allow_null=True)
    reasoning_effort = serializers.ChoiceField(choices=EFFORTS, default=None, allow_null=True)
    thinking_tokens = serializers.IntegerField(min_value=0, max_value=10**6, default=None, allow_null=True)
    stop = serializers.BooleanField(default=True, help_text="false for models that refuse stop sequences")
    passes = serializers.IntegerField(min_value=1, max_value=64, default=1, help_text="how often each item is asked")


class PriceIn(Strict):
    """US dollars for a million tokens."""

    input = serializers.FloatField()
    output = serializers.FloatField()
    cached = serializers.FloatField(default=None, allow_null=True)


class EndpointIn(Strict):
    base_url = serializers.CharField(max_length=500, help_text="such as https://api.openai.com/v1")
    protocol = serializers.ChoiceField(choices=PROTOCOLS)
    model = serializers.CharField(max_length=120, help_text="its name at the endpoint")
    api_key = serializers.CharField(
        max_length=1_000, default="", allow_blank=True, write_only=True, help_text="kept until the submission ends"
    )
    headers = serializers.DictField(child=serializers.CharField(max_length=200), default=dict)
    sampling = SamplingIn(required=False)
    concurrency = serializers.IntegerField(min_value=1, max_value=MOST_AT_ONCE, default=8)
    price = PriceIn(default=None, allow_null=True)
    budget_tokens = serializers.IntegerField(min_value=1, max_value=10**12, default=None, allow_null=True)
    budget_dollars = serializers.FloatField(default=None, allow_null=True)
    hold = serializers.BooleanField(default=False, help_text="wait for /resume/ once the estimate is there")


def access_of(asked: dict[str, Any]) -> Access:
    """An endpoint as the action takes it."""
    price, sampling = asked["price"], asked.get("sampling")
    rest = {name: value for name, value in asked.items() if name not in {"price", "sampling"}}
    return Access(
        **rest,
        price=Price(**price) if price else None,
        sampling=Sampling(**sampling) if sampling else Sampling(),
    )


class ResumeIn(Strict):
    """What changes when a paused submission goes on."""

    budget_tokens = serializers.IntegerField(min_value=1, max_value=10**12, default=None, allow_null=True)
    budget_dollars = serializers.FloatField(default=None, allow_null=True)
    api_key = serializers.CharField(max_length=1_000, default="", allow_blank=True, write_only=True)


class SpentOut(serializers.Serializer[Any]):
    """What the endpoint was asked so far and what that cost."""

    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    dollars = serializers.FloatField()
    unknown = serializers.IntegerField(help_text="requests whose outcome nobody knows; counted at their most")
    replayed = serializers.IntegerField(help_text="answers that an earlier attempt had paid for")
    error_kinds = serializers.DictField(source="errors", child=serializers.IntegerField())
    p50_seconds = serializers.FloatField(allow_null=True)
    p95_seconds = serializers.FloatField(allow_null=True)
    p50_first_token_seconds = serializers.FloatField(allow_null=True)


class EstimateOut(serializers.Serializer[Any]):
    """What it was expected to take, before anything was spent."""

    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    dollars = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    basis = serializers.CharField()
    measured = serializers.BooleanField()


class EndpointOut(serializers.Serializer[Any]):
    """The endpoint of a submission, without what only its owner knows."""

    id = serializers.IntegerField(source="use.endpoint_id")
    origin = serializers.CharField(source="use.endpoint.origin")
    protocol = serializers.CharField(source="use.endpoint.protocol")
    model = serializers.CharField(source="use.endpoint.served")
    verified = serializers.BooleanField()
    concurrency = serializers.IntegerField(source="use.concurrency")
    price = PriceIn(allow_null=True)
    budget_tokens = serializers.IntegerField(source="use.budget_tokens", allow_null=True)
    budget_dollars = serializers.FloatField(source="use.budget_dollars", allow_null=True)
    preflight = serializers.JSONField(source="use.report", allow_null=True)
    estimate = EstimateOut(source="use.estimate", allow_null=True)
    spent = SpentOut()
