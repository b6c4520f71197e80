"""Which workers are there, and what each can run: the rule of `lease.fits`, for workers that do not ask just now."""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple, Protocol

from django.conf import settings as site
from django.db.models import Q
from django.db.models.functions import Now

from evaluator.contract import HELLO_SECONDS
from leaderboard.models import Worker
from leaderboard.queries.editions import KEYS_SINCE

SILENCES = 3
"""A worker that has missed so many hellos is away."""


def silence() -> float:
    """Seconds after which a worker that nothing was heard of counts as offline; never sooner than its job is taken."""
    return float(max(SILENCES * HELLO_SECONDS, site.LEASE_SECONDS))


def allowed() -> Q:
    """Workers whose token still counts."""
    return Q(token__revoked_at=None) & (Q(token__expires_at=None) | Q(token__expires_at__gt=Now()))


def present() -> Q:
    """Workers that were heard of lately and may claim."""
    return allowed() & Q(last_seen_at__gte=Now() - timedelta(seconds=silence()))


def online() -> list[Worker]:
    """The workers that are there now."""
    return list(Worker.objects.filter(present()).select_related("token").order_by("id"))


class Needs(Protocol):
    """What a job asks of its worker."""

    @property
    def queue(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def needs_bytes(self) -> int: ...
    @property
    def architecture(self) -> str: ...
    @property
    def edition(self) -> int:
        """The least one of the contract (`editions.least_edition`)."""


class Need(NamedTuple):
    """These alone."""

    queue: str
    engine: str
    needs_bytes: int
    architecture: str
    edition: int


def can_run(worker: Worker, job: Needs) -> bool:
    """Whether a claim of this worker may get this job."""
    return (
        worker.drained_at is None
        and job.queue in worker.queues
        and job.edition <= worker.edition
        and job.engine in worker.engines
        and (worker.memory_bytes is None or job.needs_bytes <= worker.memory_bytes)
        and (not worker.architectures or job.architecture in ("", *worker.architectures))
        and (job.queue != API or may_have_keys(worker))
    )


API = "api"
"""The queue of endpoints."""


def may_have_keys(worker: Worker) -> bool:
    """Whether it would be given an endpoint with its key (leaderboard.actions.endpoint_spec)."""
    return worker.token.trusted and worker.edition >= KEYS_SINCE


def why_not(workers: list[Worker], job: Needs) -> str:
    """Why none of `workers` can run `job`, in words; "" when one can.

    The requirements are looked at in turn, each among those that meet the ones before it.
    """
    if not workers:
        return "No worker is online."
    workers = [worker for worker in workers if worker.drained_at is None]
    if not workers:
        return "The workers that are online take no more jobs: the site's staff has drained them."
    serving = [worker for worker in workers if job.queue in worker.queues]
    if not serving:
        return f"No worker of the queue {job.queue} is online, only of {words(q for w in workers for q in w.queues)}."
    able = [worker for worker in serving if job.engine in worker.engines]
    if not able:
        engines = words(engine for worker in serving for engine in worker.engines)
        return f"It needs the engine {job.engine}; the workers of the queue {job.queue} that are online have {engines}."
    if job.queue == API and not any(may_have_keys(worker) for worker in able):
        return "Endpoints and their keys go to trusted workers of today only; none of the queue api is online."
    newest = max(worker.edition for worker in able)
    able = [worker for worker in able if worker.edition >= job.edition]
    if not able:
        return (
            f"It needs a worker of edition {job.edition} of the contract; the newest of the queue {job.queue} that is "
            f"online has {newest}, and has to be upgraded."
        )
    sizes = [worker.memory_bytes for worker in able]
    roomy = [worker for worker in able if worker.memory_bytes is None or job.needs_bytes <= worker.memory_bytes]
    if not roomy:
        most = gigabytes(max(size for size in sizes if size is not None))
        return (
            f"It needs {gigabytes(job.needs_bytes)} of memory; the largest worker of the queue {job.queue} that is "
            f"online has {most}."
        )
    if any(can_run(worker, job) for worker in roomy):
        return ""
    room = f" with {gigabytes(job.needs_bytes)} of memory" if job.needs_bytes else ""
    return f"No worker of the queue {job.queue}{room} that is online runs {job.architecture}."


def words(names: Iterable[str]) -> str:
    """Each name once, with commas; "none" for none."""
    return ", ".join(sorted(set(names))) or "none"


def gigabytes(size: int) -> str:
    """Bytes as decimal gigabytes, with one digit where that says something."""
    return f"{size / 1e9:.1f} GB" if size < 100e9 else f"{size / 1e9:,.0f} GB"
