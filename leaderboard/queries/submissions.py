"""Submissions as people follow them."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from leaderboard.models import Event, Job, Result, SnapshotRow, Submission
from leaderboard.models.submissions import LIVE
from leaderboard.queries.board import page_of
from leaderboard.queries.errors import Missing
from leaderboard.queries.samples import WITH_SAMPLES


@dataclass(frozen=True)
class Progress:
    """Items done of all jobs together; `phase` is what the running job is busy with."""

    done: int
    total: int
    phase: str

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


@dataclass(frozen=True)
class Detail:
    """A submission with everything its page shows."""

    submission: Submission
    jobs: list[Job]
    progress: Progress
    queue_position: int | None
    results: list[Result]
    events: list[Event]
    row: SnapshotRow | None
    board_page: int | None
    """Where the board shows `row`; None once another submission took its place there."""

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
    def has_samples(self) -> bool:
        """Whether the samples behind its results can be read."""
        return self.submission.state in WITH_SAMPLES

    @property
    def log(self) -> str:
        return self.jobs[-1].log if self.jobs else ""


def submissions() -> QuerySet[Submission]:
    """All, newest first, with what their lines show."""
    return Submission.objects.select_related("suite", "owner", "revision__model").order_by("-id")


def detail(pk: int) -> Detail:
    """One submission; raises Missing."""
    submission = submissions().filter(pk=pk).first()
    if submission is None:
        raise Missing("submission", f"There is no submission {pk}.")
    jobs = list(submission.jobs.select_related("worker").order_by("id"))
    rows = SnapshotRow.objects.filter(submission=submission).select_related("snapshot")
    row = rows.order_by("-snapshot_id").first()
    return Detail(
        submission=submission,
        jobs=jobs,
        progress=progress_of(jobs),
        queue_position=queue_position(jobs),
        results=list(submission.results.select_related("task").order_by("task__position")),
        events=list(submission.events.all()),
        row=row,
        board_page=page_of(row) if row else None,
    )


def progress_of(jobs: list[Job]) -> Progress:
    running = [job.phase for job in jobs if job.state == Job.State.RUNNING]
    return Progress(sum(job.done for job in jobs), sum(job.total for job in jobs), running[0] if running else "")


def queue_position(jobs: list[Job]) -> int | None:
    """1 for the next in line; None when nothing of it waits."""
    waiting = [job for job in jobs if job.state == Job.State.QUEUED]
    if not waiting:
        return None
    first = waiting[0]
    ahead = Q(state=Job.State.QUEUED, queue=first.queue, pk__lt=first.pk)
    return Job.objects.filter(ahead).count() + 1


@dataclass(frozen=True)
class Line:
    """A submission that is under way; `position` counts what waits for the same kind of worker."""

    submission: Submission
    progress: Progress
    position: int | None


@dataclass(frozen=True)
class Queue:
    """What runs, what waits, and what ended lately."""

    running: list[Line]
    waiting: list[Line]
    ended: list[Submission]


def queue(*, ended: int = 25) -> Queue:
    """The queue as the page shows it."""
    live = list(submissions().filter(state__in=LIVE).prefetch_related("jobs").order_by("id"))
    moving = {Submission.State.RUNNING, Submission.State.SCORING}
    waiting = Job.objects.filter(state=Job.State.QUEUED).order_by("id").values_list("pk", "queue")
    seen: Counter[str] = Counter()
    positions: dict[int, int] = {}
    for job, name in waiting:
        seen[name] += 1
        positions[job] = seen[name]

    def line(row: Submission) -> Line:
        jobs = list(row.jobs.all())
        places = [positions[job.pk] for job in jobs if job.pk in positions]
        return Line(row, progress_of(jobs), min(places, default=None))

    return Queue(
        running=[line(row) for row in live if row.state in moving],
        waiting=[line(row) for row in live if row.state not in moving],
        ended=list(submissions().exclude(state__in=LIVE).order_by("-finished_at", "-id")[:ended]),
    )
