"""Note what a worker says of itself, and that it is there."""

from django.conf import settings as site
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from evaluator.contract import EDITION, ClaimRequest
from leaderboard.actions.errors import TooOld, Unauthorised
from leaderboard.actions.text import storable
from leaderboard.models import Worker, WorkerToken


@transaction.atomic
def introduce(*, token: WorkerToken, request: ClaimRequest) -> Worker:
    """The worker's row, as it describes itself now and seen at this moment. Names are unique within a token.

    Raises TooOld for one whose edition of the contract the site does not take any more (PARITY_LEAST_EDITION), and
    Unauthorised where its token has ended since the call came: a claim waits up to half a minute for a job.
    """
    if request.edition < site.LEAST_EDITION:
        raise TooOld(
            "worker_too_old",
            f"This worker speaks edition {request.edition} of the contract, and this site takes {site.LEAST_EDITION} "
            f"and newer; its own is {EDITION}. Install the site's release on the worker's host: check out the "
            "commit that the site runs, build docker/worker.Dockerfile from it (without containers: make run's "
            "environment), and start the worker anew.",
        )
    lasting = Q(expires_at=None) | Q(expires_at__gt=Now())
    if not WorkerToken.objects.filter(lasting, pk=token.pk, revoked_at=None).exists():
        raise Unauthorised("unauthorised", "This worker's token was revoked, or has expired, while it waited.")
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
