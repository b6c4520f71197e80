"""Note what a worker says of itself, and that it is there."""

from django.db import transaction
from django.db.models.functions import Now

from evaluator.contract import ClaimRequest
from leaderboard.actions.text import storable
from leaderboard.models import Worker, WorkerToken


@transaction.atomic
def introduce(*, token: WorkerToken, request: ClaimRequest) -> Worker:
    """The worker's row, as it describes itself now and seen at this moment. Names are unique within a token."""
    worker, _ = Worker.objects.update_or_create(
        token=token,
        name=storable(request.worker),
        defaults={
            "queues": list(request.queues),
            "engines": list(request.engines),
            "hardware": storable(request.hardware),
            "memory_bytes": request.memory_bytes,
            "architectures": storable(request.architectures),
            "edition": request.edition,
            "last_seen_at": Now(),
        },
    )
    return worker
