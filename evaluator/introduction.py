"""What a worker says of itself to the site."""

import os
import platform

from evaluator.config import Config
from evaluator.contract import EDITION, ClaimRequest


def introduction(settings: Config) -> ClaimRequest:
    """What this worker can run."""
    return ClaimRequest(
        worker=settings.name,
        queues=settings.queues,
        engines=settings.engines,
        hardware=f"{platform.machine()}, {os.cpu_count()} cores",
        memory_bytes=settings.memory_bytes,
        architectures=settings.architectures,
        edition=EDITION,
    )
