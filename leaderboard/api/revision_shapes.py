"""How revisions are told by the API."""

from typing import Any

from rest_framework import serializers

from leaderboard.models import Revision


class RevisionOut(serializers.ModelSerializer[Revision]):
    """Of an adapter, `base_name` and `base_sha` say what it changes; size and architecture are the base's."""

    class Meta:
        model = Revision
        fields = (
            "sha", "source", "architecture", "parameters", "active_parameters", "context_length", "dtype",
            "chat_template", "gated", "size_bytes", "base_name", "base_sha",
        )  # fmt: skip


class BaseOut(serializers.Serializer[Any]):
    """What an adapter changes, pinned when it was accepted."""

    model = serializers.CharField()
    revision = serializers.CharField()
