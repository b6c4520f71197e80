"""Submissions as people follow them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import msgspec
from django.db.models import Q, QuerySet

from evaluator.contract import Price, Spent
from leaderboard import run_settings
from leaderboard.models import EndpointUse, Event, Job, Owner, Result, Submission
from leaderboard.models.routines import FOLLOWED
from leaderboard.models.submissions import IN_LINE, LIVE
from leaderboard.queries import hosts
from leaderboard.queries.board import standing_of
from leaderboard.queries.editions import KEYS_SINCE
from leaderboard.queries.endpoints import price_of, whose
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.rows import Row
from leaderboard.queries.samples import WITH_SAMPLES
from leaderboard.queries.waiting import Eta, eta_of, forecast, past_accuracy
from leaderboard.statistics.waiting import Accuracy, rate

LOG_LINES = 40


@dataclass(frozen=True)
class Progress:
    """Items done of all jobs together; `phase` is what the running job is busy with."""

    done: int
    total: int
    phase: str
    items_per_second: float | None = None
    """Of this attempt, from its first item to its newest heartbeat; None before the first item is done."""
    about: bool = False
    """Whether `total` is what a shard's items are roughly: shards are of equal work, and nobody counts them."""

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


@dataclass(frozen=True)
class AtEndpoint:
    """What a submission of an endpoint shows beside the rest. `price` None: nobody knows it. `stuck`: why no worker
    that is online can look at it, or ""."""

    use: EndpointUse
    spent: Spent
    price: Price | None
    verified: bool
    stuck: str


@dataclass(frozen=True)
class Detail:
    """A submission with everything its page shows."""

    submission: Submission
    jobs: list[Job]
    progress: Progress
    queue_position: int | None
    eta: Eta | None
    """None once it has ended."""
    accuracy: Accuracy | None
    """How far the earlier predictions were off; None where there is no eta."""
    results: list[Result]
    events: list[Event]
    row: Row | None
    board_page: int | None
    """Where the board shows `row`; None once another submission took its place there."""
    retries: list[int]
    """Numbers of the submissions that tried this one again, oldest first."""
    rescored: list[int]
    """Numbers of those that scored its responses on later versions of the suite, oldest first."""
    endpoint: AtEndpoint | None = None
    """None for a model with weights."""
    shards: Sequence[Job] = ()
    """The jobs that answer for the evaluation, by their number."""

    @property
    def together(self) -> list[tuple[Job, Progress]]:
        """The jobs that a live submission is split into, the evaluation first, each with what it has done itself;
        none where it is one job."""
        split = [job for job in self.jobs if job.shards > 1]
        return [(job, progress_at(job, job.done)) for job in [*split, *self.shards]]

    @property
    def cancelling(self) -> bool:
        return self.live and any(job.cancel_requested for job in self.jobs)

    @property
    def worker_job(self) -> Job | None:
        """The job that a worker runs now."""
        return next((job for job in self.jobs if job.state == Job.State.RUNNING), None)

    @property
    def live(self) -> bool:
        return self.submission.state in LIVE

    @property
    def may_be_retried(self) -> bool:
        """Whether its owner can make a new submission of it (leaderboard.actions.retry)."""
        return not self.live and self.submission.state != Submission.State.QUARANTINED

    @property
    def may_be_followed(self) -> bool:
        """Whether its model has revisions that can be looked for (leaderboard.actions.follow)."""
        return self.submission.revision is not None and self.submission.revision.source in FOLLOWED

    @property
    def has_samples(self) -> bool:
        """Whether the samples behind its results can be read."""
        return self.submission.state in WITH_SAMPLES

    @property
    def log(self) -> str:
        """The newest lines of the newest job's log."""
        return "\n".join(self.jobs[-1].log.rstrip("\n").split("\n")[-LOG_LINES:]) if self.jobs else ""

    @property
    def log_lines(self) -> int:
        return self.log.count("\n") + 1

    @property
    def newest_line(self) -> str:
        """What a closed log shows."""
        return next((line for line in reversed(self.log.split("\n")) if line.strip()), "")

    @property
    def losses(self) -> int:
        """Attempts that ended without a result."""
        return sum(job.losses for job in self.jobs)


def submissions() -> QuerySet[Submission]:
    """All, newest first, with what their lines show."""
    return Submission.objects.select_related("suite", "owner", "revision__model").order_by("-id")


ENDED = frozenset(Submission.State.values) - frozenset(LIVE)


def chosen(
    *, owner: Owner | None = None, states: Sequence[str] = (), suite: str = "", model: str = ""
) -> QuerySet[Submission]:
    """Those of an owner, in one of these states, of a suite and of a model, as far as each is given; raises
    BadQuery."""
    found = submissions()
    for state in states:
        if state not in Submission.State.values:
            raise BadQuery("state", f"state is one of {', '.join(Submission.State.values)}, not {state[:40]!r}.")
    if owner is not None:
        found = found.filter(owner=owner)
    if states:
        found = found.filter(state__in=states)
    if suite:
        found = found.filter(suite__slug=suite)
    return found.filter(requested_model=model) if model else found


def state_of(pk: int) -> str:
    """The state alone; raises Missing."""
    found = Submission.objects.filter(pk=pk).order_by().values_list("state", flat=True).first()
    if found is None:
        raise Missing("submission", f"There is no submission {pk}.")
    return found


def detail(pk: int) -> Detail:
    """One submission; raises Missing."""
    submission = submissions().filter(pk=pk).first()
    if submission is None:
        raise Missing("submission", f"There is no submission {pk}.")
    every = list(submission.jobs.exclude(kind=Job.Kind.SHARE).select_related("worker").order_by("id"))
    jobs, shards = apart(every)
    stands = standing_of(submission) if submission.state == Submission.State.SUCCEEDED else None
    eta = eta_of(submission, jobs, forecast)
    made_of_it = Submission.objects.filter(Q(retry_of=pk) | Q(rescored_from=pk)).order_by("id")
    later = list(made_of_it.values_list("pk", "retry_of"))
    return Detail(
        submission=submission,
        jobs=jobs,
        progress=progress_of(jobs, shards),
        queue_position=queue_position(jobs),
        eta=eta,
        accuracy=past_accuracy() if eta and eta.seconds is not None else None,
        results=list(submission.results.select_related("task").order_by("task__position")),
        events=list(submission.events.all()),
        row=stands[0] if stands else None,
        board_page=stands[1] if stands else None,
        retries=[number for number, retried in later if retried == pk],
        rescored=[number for number, retried in later if retried != pk],
        endpoint=at_endpoint(submission, jobs),
        shards=shards,
    )


def at_endpoint(submission: Submission, jobs: list[Job]) -> AtEndpoint | None:
    """The endpoint of a submission, and what its newest job has spent there."""
    use = EndpointUse.objects.select_related("endpoint").filter(submission=submission).first()
    if use is None:
        return None
    identity = whose(use.endpoint.origin, use.endpoint.served)
    spent = msgspec.convert(jobs[-1].spent if jobs else {}, Spent)
    unseen = [job for job in jobs if job.kind == Job.Kind.PREFLIGHT and job.state == Job.State.QUEUED]
    looks = [hosts.Need(job.queue, job.engine, job.needs_bytes, job.architecture, KEYS_SINCE) for job in unseen[:1]]
    stuck = hosts.why_not(hosts.online(), looks[0]) if looks else ""
    return AtEndpoint(use, spent, price_of(use, identity.model), identity.verified, stuck)


def asked_before(pk: int, reader: Any) -> dict[str, Any]:
    """How `reader` asked for a submission of an endpoint, as the form's fields and without the key; {} for others'."""
    use = EndpointUse.objects.select_related("endpoint", "submission__suite").filter(
        submission=pk, submission__owner__user=reader
    )
    row = use.first()
    if row is None:
        return {}
    sampling = run_settings.sampling_of(row.submission.settings)
    headers = "\n".join(f"{name}: {value}" for name, value in row.headers.items())
    return {
        "base_url": row.endpoint.base_url, "protocol": row.endpoint.protocol, "model": row.endpoint.served,
        "suite": row.submission.suite.slug, "budget_dollars": row.budget_dollars, "budget_tokens": row.budget_tokens,
        "concurrency": row.concurrency, "input_price": row.input_price, "output_price": row.output_price,
        "cached_price": row.cached_price, "headers": headers,
        **msgspec.structs.asdict(sampling), "no_stop": not sampling.stop,
        "reasoning_effort": sampling.reasoning_effort or "",
    }  # fmt: skip


def apart(jobs: Iterable[Job]) -> tuple[list[Job], list[Job]]:
    """The jobs by which a submission lives, and its shards."""
    jobs = list(jobs)
    shards = [job for job in jobs if job.kind == Job.Kind.SHARD]
    return [job for job in jobs if job.kind != Job.Kind.SHARD], sorted(shards, key=lambda job: job.shard)


def progress_of(jobs: Sequence[Job], shards: Sequence[Job] = ()) -> Progress:
    """Of the evaluation with what its shards have done; each counts what it was answered itself, of all items."""
    total = sum(job.total for job in jobs) or max((job.total for job in shards), default=0)
    running = [job for job in [*jobs, *shards] if job.state == Job.State.RUNNING]
    rates = [rate for job in running if (rate := items_per_second(job)) is not None]
    return Progress(
        done=min(total, sum(job.done for job in [*jobs, *shards])),
        total=total,
        phase=running[0].phase if running else "",
        items_per_second=sum(rates) if rates else None,
    )


def progress_at(job: Job, done: int) -> Progress:
    """Of what one worker is at: an evaluation is `done` by it and its shards, and of a shard only its own items
    count."""
    helps = job.kind == Job.Kind.SHARD
    total = max(job.done, ceil(job.total / job.shards)) if helps else job.total
    return Progress(job.done if helps else done, total, job.phase, items_per_second(job), about=helps)


def items_per_second(job: Job) -> float | None:
    """Items a second of a running attempt, by the database's clock; None while there is nothing to divide."""
    if job.phase != "evaluating" or job.evaluating_at is None or job.beat_at is None:
        return None
    return rate(job.done, (job.beat_at - job.evaluating_at).total_seconds())


def queue_position(jobs: list[Job]) -> int | None:
    """1 for the next in line; None when nothing of it waits."""
    waiting = [job for job in jobs if job.state == Job.State.QUEUED]
    if not waiting:
        return None
    return before(waiting[0]).count() + 1


def before(job: Job) -> QuerySet[Job]:
    """What waits in the same queue and is given out before `job`."""
    earlier = Q(priority__gt=job.priority) | Q(priority=job.priority, pk__lt=job.pk)
    ahead = Q(turn__lt=job.turn) | Q(turn=job.turn) & earlier
    return Job.objects.filter(ahead, state=Job.State.QUEUED, queue=job.queue)


@dataclass(frozen=True)
class Line:
    """A submission that is under way; `position` counts what waits for the same kind of worker."""

    submission: Submission
    progress: Progress
    position: int | None
    eta: Eta | None


@dataclass(frozen=True)
class Queue:
    """What runs, what waits, and what ended lately."""

    running: list[Line]
    waiting: list[Line]
    ended: list[Submission]
    alone: bool
    """No worker is online."""


def queue(*, ended: int = 25) -> Queue:
    """The queue as the page shows it."""
    live = list(submissions().filter(state__in=LIVE).prefetch_related("jobs").order_by("id"))
    moving = {Submission.State.RUNNING, Submission.State.SCORING}
    waiting = Job.objects.filter(state=Job.State.QUEUED).order_by(*IN_LINE).values_list("pk", "queue")
    expected = forecast()
    seen: Counter[str] = Counter()
    positions: dict[int, int] = {}
    for job, name in waiting:
        seen[name] += 1
        positions[job] = seen[name]

    def line(row: Submission) -> Line:
        jobs, shards = apart(row.jobs.all())
        places = [positions[job.pk] for job in jobs if job.pk in positions]
        return Line(row, progress_of(jobs, shards), min(places, default=None), eta_of(row, jobs, lambda: expected))

    return Queue(
        running=[line(row) for row in live if row.state in moving],
        waiting=[line(row) for row in live if row.state not in moving],
        ended=list(submissions().exclude(state__in=LIVE).order_by("-finished_at", "-id")[:ended]),
        alone=not expected.workers,
    )
