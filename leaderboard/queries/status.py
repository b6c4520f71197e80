"""Whether everything is at work: workers, queues, what runs in the background. Facts that anybody may know."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings as site
from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q, QuerySet
from django.db.models.functions import Now

from leaderboard.models import Job, Outbox, Pulse, Submission, Worker
from leaderboard.queries import hosts
from leaderboard.queries.editions import least_edition
from leaderboard.queries.submissions import Progress, progress_at
from leaderboard.queries.waiting import done_with_shards, past_accuracy
from leaderboard.statistics.waiting import Accuracy

REMEMBERED = timedelta(days=7)
"""Workers that were silent for longer are not shown."""
WORKERS = 200
LATE = timedelta(seconds=10)
"""What works in the background may be so much later than three of its rounds before it counts as stopped."""


@dataclass(frozen=True)
class WorkerLine:
    """A worker, and what it does now."""

    worker: Worker
    online: bool
    job: Job | None
    progress: Progress | None


@dataclass(frozen=True)
class QueueLine:
    """One queue: jobs that wait and run, since when the oldest waits, and the workers that serve it and are there."""

    name: str
    waiting: int
    running: int
    oldest: datetime | None
    workers: int


@dataclass(frozen=True)
class Background:
    """A part that works unseen. `at` is None when it was never seen."""

    name: str
    at: datetime | None
    working: bool


@dataclass(frozen=True)
class Status:
    """Everything that /status shows."""

    workers: list[WorkerLine]
    queues: list[QueueLine]
    stuck: dict[str, int]
    """Why no worker that is online can run them: how many jobs wait for that reason."""
    checking: int
    scoring: int
    background: list[Background]
    bells: int
    oldest_bell: datetime | None
    accuracy: Accuracy | None

    @property
    def online(self) -> int:
        return sum(line.online for line in self.workers)

    @property
    def problems(self) -> list[str]:
        """What a person would want to look after; nothing when all is well."""
        found = [f"The {part.name} is not at work." for part in self.background if not part.working]
        if not self.online:
            found.append("No worker is online.")
        found += [
            f"{number} {'job waits' if number == 1 else 'jobs wait'} in vain. {reason}"
            for reason, number in sorted(self.stuck.items())
            if self.online
        ]
        return found


def all_workers() -> QuerySet[Worker]:
    """Every worker that was ever here, the newest first, each with its token."""
    return Worker.objects.select_related("token").order_by("-id")


def status() -> Status:
    """The site's state, in eight queries whatever it holds."""
    workers = worker_lines()
    bells = Outbox.objects.exclude(of_workloads()).aggregate(number=Count("pk"), oldest=Min("created_at"))
    checking, scoring = Q(state=Submission.State.VALIDATING), Q(state=Submission.State.SCORING)
    moving = Submission.objects.filter(checking | scoring).aggregate(
        checking=Count("pk", filter=checking), scoring=Count("pk", filter=scoring)
    )
    return Status(
        workers=workers,
        queues=queue_lines(workers),
        stuck=stuck([line.worker for line in workers if line.online]),
        checking=moving["checking"],
        scoring=moving["scoring"],
        background=background(),
        bells=bells["number"],
        oldest_bell=bells["oldest"],
        accuracy=past_accuracy(),
    )


def of_workloads() -> Q:
    """The bells of what nobody but its owner knows of."""
    submissions = Submission.everything.exclude(suite__owner=None).values("pk")
    jobs = Job.everything.exclude(submission__suite__owner=None).values("pk")
    kinds = [Outbox.Kind.VALIDATE, Outbox.Kind.SCORE]
    return Q(kind__in=kinds, subject__in=submissions) | Q(kind=Outbox.Kind.JOB, subject__in=jobs)


def worker_lines() -> list[WorkerLine]:
    """The workers that were heard of lately, those online first, by name."""
    online = ExpressionWrapper(hosts.present(), output_field=BooleanField())
    seen = (
        Worker.objects.filter(hosts.allowed(), last_seen_at__gte=Now() - REMEMBERED)
        .select_related("token")
        .annotate(online=online)
        .order_by("-online", "name", "id")[:WORKERS]
    )
    running = Job.objects.filter(state=Job.State.RUNNING, worker__isnull=False).select_related("submission__suite")
    running = running.annotate(together=done_with_shards()).defer("log", "submission__suite__definition")
    jobs = {job.worker_id: (job, progress_at(job, job.together)) for job in running.order_by("-id")}
    return [WorkerLine(worker, worker.online, *jobs.get(worker.pk, (None, None))) for worker in seen]


def queue_lines(workers: list[WorkerLine]) -> list[QueueLine]:
    """The queues that hold jobs, that workers serve, or that new jobs go to."""
    serving = Counter(name for line in workers if line.online for name in line.worker.queues)
    waiting, running = Q(state=Job.State.QUEUED), Q(state=Job.State.RUNNING)
    rows = (
        Job.objects.filter(waiting | running)
        .values("queue")
        .annotate(
            waiting=Count("pk", filter=waiting),
            running=Count("pk", filter=running),
            oldest=Min("created_at", filter=waiting),
        )
        .order_by("queue")
    )
    found = {row["queue"]: row for row in rows}
    return [
        QueueLine(
            name=name,
            waiting=found[name]["waiting"] if name in found else 0,
            running=found[name]["running"] if name in found else 0,
            oldest=found[name]["oldest"] if name in found else None,
            workers=serving[name],
        )
        for name in sorted({*found, *serving, site.JOB_QUEUE})
    ]


def stuck(online: list[Worker]) -> dict[str, int]:
    """The waiting jobs that none of these workers can run, counted by the reason."""
    found: Counter[str] = Counter()
    waiting = Job.objects.filter(state=Job.State.QUEUED).annotate(edition=least_edition())
    for row in waiting.values(*hosts.Need._fields).annotate(number=Count("pk")).order_by():
        number = row.pop("number")
        reason = hosts.why_not(online, hosts.Need(**row))
        if reason:
            found[reason] += number
    return dict(found)


def background() -> list[Background]:
    """The scheduler and the reconciler: at work while they are not much later than their rounds."""
    round_ = timedelta(seconds=float(site.CELERY_BEAT_SCHEDULE["reconcile"]["schedule"]))
    lively = ExpressionWrapper(Q(at__gte=Now() - 3 * round_ - LATE), output_field=BooleanField())
    seen = {pulse.part: pulse for pulse in Pulse.objects.annotate(lively=lively)}
    return [
        Background(part.value, seen[part].at if part in seen else None, part in seen and seen[part].lively)
        for part in Pulse.Part
    ]
