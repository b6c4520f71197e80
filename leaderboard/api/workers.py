"""Workers as the site's staff sees them."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api import paging
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.views import token_of
from leaderboard.models import Worker
from leaderboard.queries.status import all_workers


class StaffWorkerOut(serializers.ModelSerializer[Worker]):
    """A worker, and the token that it came with."""

    token = serializers.CharField(source="token.name")
    trusted = serializers.BooleanField(source="token.trusted")
    revoked_at = serializers.DateTimeField(source="token.revoked_at", allow_null=True)
    expires_at = serializers.DateTimeField(source="token.expires_at", allow_null=True)

    class Meta:
        model = Worker
        fields = (
            "id", "name", "token", "trusted", "revoked_at", "expires_at", "queues", "engines", "architectures",
            "hardware", "memory_bytes", "edition", "first_seen_at", "last_seen_at",
        )  # fmt: skip


class Workers(ListView):
    """All workers that were ever here; for staff."""

    shape = StaffWorkerOut
    parameters = paging.PARAMETERS

    @extend_schema(responses={200: page_of(StaffWorkerOut), 403: None})
    def get(self, request: Request) -> Response:
        """Workers, the newest first, with their tokens' names; 403 for others than staff."""
        token = token_of(request)
        if not token.user.is_staff:
            raise PermissionDenied("Only the site's staff reads this; GET /api/v1/status/ is for everybody.")
        return self.listed(request, all_workers())
