"""What the API says of a sample."""

from typing import Any

from rest_framework import serializers


class SampleOut(serializers.Serializer[Any]):
    """A line of the export."""

    task = serializers.CharField(help_text="of lm-eval: a part of the suite's task where that is a group")
    suite_task = serializers.CharField(required=False, help_text="the group")
    doc_id = serializers.IntegerField()
    item_hash = serializers.CharField()
    target = serializers.CharField(allow_blank=True)
    prompts = serializers.ListField(child=serializers.CharField())
    responses = serializers.ListField(child=serializers.CharField())
    answers = serializers.DictField(child=serializers.CharField(), help_text="by filter")
    scores = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()), help_text="by filter and metric"
    )
    reasons = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="by filter: why a generated program did not pass"
    )
    tokens_in = serializers.IntegerField(required=False, help_text="of all prompts, continuations included")
    tokens_out = serializers.IntegerField(required=False, help_text="of all generated texts, thinking included")
    finish = serializers.ListField(
        child=serializers.CharField(allow_blank=True), required=False,
        help_text='why each text ended: "stop", or "length" at its limit',
    )  # fmt: skip
    thinking = serializers.ListField(
        child=serializers.CharField(allow_blank=True), required=False, help_text="before each response"
    )
    asked = serializers.CharField(
        required=False, help_text="SHA-256 of what the requests said and allowed, before any chat template"
    )
