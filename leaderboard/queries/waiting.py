"""When a submission will have ended: forecast from past runs, the line, and the workers that are there.

`leaderboard.statistics.waiting` has the mathematics; this gathers what it asks for, in four queries whatever waits.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Case, F, IntegerField, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce, Least, Now

from leaderboard.models import Job, Submission, Worker
from leaderboard.models.submissions import IN_LINE
from leaderboard.queries import hosts
from leaderboard.queries.editions import least_edition
from leaderboard.statistics.waiting import (
    UNKNOWN,
    Accuracy,
    Expected,
    Run,
    Slot,
    Waiting,
    accuracy,
    expected,
    remaining,
    starts,
)

RUNS = 20
"""So many of the newest runs of a suite in a queue are learned from."""
KINDS = 40
"""Of so many suites and queues at once; further ones are not estimated."""
LINE = 2_000
"""So many jobs at the head of the line are looked at."""
PREDICTIONS = 100

Kind = tuple[int, str]
"""What one learns from: a suite, and the queue its jobs wait in."""


@dataclass(frozen=True)
class Eta:
    """When a submission will have ended: in `seconds`, at `at`; or None and in words why nobody knows.

    `stuck`: no worker that is online can run it.
    """

    seconds: float | None
    at: datetime | None
    reason: str = ""
    stuck: bool = False


@dataclass(frozen=True)
class Past:
    """A finished run and what it was run with."""

    engine: str
    dtype: str
    run: Run


class Live(NamedTuple):
    """A job that waits or runs, and the database's time when it was read. Plain values: there may be thousands."""

    pk: int
    submission: int
    kind: str
    shards: int
    state: str
    queue: str
    engine: str
    architecture: str
    needs_bytes: int
    limit_seconds: float
    not_before: datetime
    worker: int | None
    lease_expires_at: datetime | None
    done: int
    total: int
    claimed_at: datetime | None
    evaluating_at: datetime | None
    beat_at: datetime | None
    suite: int
    slug: str
    settings: dict[str, Any]
    active_parameters: int | None
    parameters: int | None
    edition: int
    now: datetime

    def ago(self, moment: datetime | None) -> float:
        """Seconds since `moment`; negative when it is still to come."""
        return (self.now - moment).total_seconds() if moment else 0.0

    @property
    def like(self) -> Kind:
        return (self.suite, self.queue)

    @property
    def helps(self) -> bool:
        """Whether it is a shard beside its submission's evaluation."""
        return self.kind == Job.Kind.SHARD

    @property
    def silent(self) -> bool:
        """Its lease is out, and nobody has taken it back yet."""
        return self.state == Job.State.RUNNING and self.ago(self.lease_expires_at) > 0


@dataclass(frozen=True)
class Forecast:
    """What is left of each live job in seconds (UNKNOWN: nobody can say) and, where it is unknown, why."""

    left: dict[int, float]
    why: dict[int, str]
    stuck: frozenset[int]
    workers: int
    """How many are online."""
    now: datetime | None

    def of(self, jobs: list[Job]) -> Eta:
        """The end of the submission with these jobs: of its last one."""
        mine = [job.pk for job in jobs if job.pk in self.left]
        left = max((self.left[job] for job in mine), default=UNKNOWN)
        if self.now is not None and left < UNKNOWN:
            seconds = round(max(left, 0.0), 1)
            return Eta(seconds, self.now + timedelta(seconds=seconds))
        reasons = [self.why[job] for job in mine if job in self.why] or ["It is too far down the line to tell."]
        return Eta(None, None, reasons[0], any(job in self.stuck for job in mine))


def forecast() -> Forecast:
    """Every live job's time left: running ones by their progress, waiting ones by playing the line through.

    The jobs of one submission share its work, and end together.
    """
    live, workers = live_jobs(), hosts.online()
    past = history(sorted({one.like for one in live}))
    running = [one for one in live if one.state == Job.State.RUNNING]
    line = [one for one in live if one.state == Job.State.QUEUED]
    able = able_workers(workers, line)
    line = without_idle_shards(running, line, able)
    whole = {one.pk: plan(one, past) for one in [*running, *line]}
    plans = parted(whole, running, line)
    left = {one.pk: time_left(one, plans[one.pk]) for one in running if not one.helps}
    ends = {one.submission: left[one.pk] for one in running if not one.helps}
    left |= {one.pk: shard_left(one, plans[one.pk], ends) for one in running if one.helps}
    queued = [
        Waiting(
            seconds_of(one, plans[one.pk]), able[one.pk], max(0.0, -one.ago(one.not_before)),
            ends.get(one.submission, UNKNOWN) if one.helps else UNKNOWN,
        )
        for one in line
    ]  # fmt: skip
    begin = starts(slots_of(workers, running, left), queued)
    left |= {one.pk: start + job.seconds for one, start, job in zip(line, begin, queued, strict=True)}
    alone = {one.pk: start + seconds_of(one, whole[one.pk]) for one, start in zip(line, begin, strict=True)}
    left |= with_their_shards([*running, *line], left, alone)
    stuck = {one.pk: hosts.why_not(workers, one) for one in line if not able[one.pk]}
    why = {one.pk: why_unknown(one, plans[one.pk]) for one in [*running, *line] if left[one.pk] == UNKNOWN}
    return Forecast(left, why | stuck, frozenset(stuck), len(workers), live[0].now if live else None)


def without_idle_shards(running: list[Live], line: list[Live], able: dict[int, frozenset[int]]) -> list[Live]:
    """The line without shards that nobody is there for: what their evaluation runs on, and then they are gone."""
    at_it = Counter(one.submission for one in running)
    found = []
    for one in line:
        if not one.helps or at_it[one.submission] < len(able[one.pk]):
            at_it[one.submission] += 1
            found.append(one)
    return found


def parted(whole: dict[int, Expected | None], running: list[Live], line: list[Live]) -> dict[int, Expected | None]:
    """What each job is expected to take where the jobs of its submission part the work of the `whole`: those that run,
    and while its evaluation waits also the others. A shard's engine loads while others evaluate, and counts for
    nothing."""
    begun = {one.submission for one in running if not one.helps}
    at_it = Counter(one.submission for one in running)
    at_it.update(one.submission for one in line if one.submission not in begun)
    found = {}
    for one in [*running, *line]:
        taken = whole[one.pk]
        if taken is not None and one.shards > 1:
            taken = Expected(0.0 if one.helps else taken.start, taken.evaluation / max(1, at_it[one.submission]))
        found[one.pk] = taken
    return found


def shard_left(one: Live, expectation: Expected | None, ends: dict[int, float]) -> float:
    """What is left of a running shard: it ends with its evaluation, where that runs (`ends`, by submission)."""
    return UNKNOWN if one.silent else ends.get(one.submission, seconds_of(one, expectation))


def with_their_shards(live: list[Live], left: dict[int, float], alone: dict[int, float]) -> dict[int, float]:
    """What is left of the evaluations that wait: they end with the last of their shards, or, where those come late,
    when all is done by themselves (`alone`)."""
    last: dict[int, float] = defaultdict(float)
    for one in live:
        if one.helps:
            last[one.submission] = max(last[one.submission], left[one.pk])
    return {
        one.pk: min(alone[one.pk], max(left[one.pk], last[one.submission]))
        for one in live
        if one.pk in alone and not one.helps
    }


def slots_of(workers: list[Worker], running: list[Live], left: dict[int, float]) -> list[Slot]:
    """Room on each worker: where its jobs end, or at once. Two processes of one name run two jobs."""
    busy: dict[int | None, list[float]] = defaultdict(list)
    for one in running:
        busy[one.worker].append(left[one.pk])
    return [Slot(free, worker.pk) for worker in workers for free in busy.get(worker.pk, [0.0])]


def why_unknown(one: Live, expectation: Expected | None) -> str:
    """Why nobody can say when a job ends that some worker runs or can run."""
    if one.silent:
        return "Its worker does not answer any more; the job will wait for another one."
    if expectation is None:
        then = "its first items will tell." if one.state == Job.State.RUNNING else "it is the first."
        return f"Nothing was measured on {one.slug} in the queue {one.queue} yet: {then}"
    return "Nobody knows yet how long the jobs before it take."


def able_workers(workers: list[Worker], line: list[Live]) -> dict[int, frozenset[int]]:
    """Who of the workers can run each job of the line."""
    known: dict[hosts.Need, frozenset[int]] = {}
    found = {}
    for job in line:
        needs = hosts.Need(job.queue, job.engine, job.needs_bytes, job.architecture, job.edition)
        if needs not in known:
            known[needs] = frozenset(worker.pk for worker in workers if hosts.can_run(worker, job))
        found[job.pk] = known[needs]
    return found


def live_jobs() -> list[Live]:
    """What waits and runs, in the order in which it is given out."""
    rows = (
        Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
        .filter(submission__state__in=[Submission.State.QUEUED, Submission.State.RUNNING])
        .order_by(*IN_LINE)
        .values_list(
            "pk", "submission", "kind", "shards", "state", "queue", "engine", "architecture", "needs_bytes",
            "limit_seconds", "not_before", "worker", "lease_expires_at", done_with_shards(), "total", "claimed_at",
            "evaluating_at", "beat_at",
            "submission__suite", "submission__suite__slug", "submission__settings",
            "submission__revision__active_parameters", "submission__revision__parameters", least_edition(), Now(),
        )[:LINE]
    )  # fmt: skip
    return [Live(*row) for row in rows]


def done_with_shards() -> Case:
    """An expression over jobs: items done, of an evaluation with those that its shards have done."""
    shards = Job.everything.filter(submission=OuterRef("submission"), kind=Job.Kind.SHARD).order_by()
    theirs = shards.values("submission").annotate(items=Sum("done")).values("items")
    together = Least(F("total"), F("done") + Coalesce(Subquery(theirs), 0))
    return Case(
        When(shards__gt=1, kind=Job.Kind.EVALUATION, then=together), default=F("done"), output_field=IntegerField()
    )


def time_of_shards() -> QuerySet[Job, Any]:
    """For a subquery over jobs: how long the shards of a submission were at their items, together."""
    ended = Job.everything.filter(
        submission=OuterRef("submission"), kind=Job.Kind.SHARD, evaluating_at__lte=F("finished_at")
    )
    spent = Sum(F("finished_at") - F("evaluating_at"))
    return ended.order_by().values("submission").annotate(spent=spent).values("spent")


def history(kinds: list[Kind]) -> dict[Kind, list[Past]]:
    """The newest finished runs of each kind, newest first, by the database's clock. What shards took counts to the run
    of their evaluation: so long one worker would have taken."""
    found: dict[Kind, list[Past]] = defaultdict(list)
    if not kinds:
        return found
    fields = (
        "submission__suite_id", "queue", "engine", "submission__settings", "claimed_at", "evaluating_at", "finished_at",
        "submission__revision__active_parameters", "submission__revision__parameters", "helped", "pk",
    )  # fmt: skip
    newest = [
        Job.objects.filter(
            submission__suite=suite, queue=queue, state=Job.State.DONE, claimed_at__lte=F("finished_at"),
            submission__rescored_from=None,
        ).exclude(kind__in=[Job.Kind.SHARE, Job.Kind.SHARD]).order_by("-pk")
        .annotate(helped=Coalesce(Subquery(time_of_shards()), timedelta())).values_list(*fields)[:RUNS]
        for suite, queue in kinds[:KINDS]
    ]  # fmt: skip
    rows = newest[0].union(*newest[1:], all=True) if newest[1:] else newest[0]
    for suite, queue, engine, settings, claimed, evaluating, finished, active, parameters, helped, _ in sorted(
        rows, key=lambda row: -row[-1]
    ):
        first = min(max(evaluating or finished, claimed), finished)
        evaluation = (finished - first + helped).total_seconds()
        run = Run((first - claimed).total_seconds(), evaluation, active or parameters)
        found[suite, queue].append(Past(engine, settings.get("dtype", ""), run))
    return found


def plan(one: Live, past: dict[Kind, list[Past]]) -> Expected | None:
    """What this job is expected to take, by runs with its engine and precision where there are such."""
    runs = past.get(one.like, [])
    mine = (one.engine, one.settings.get("dtype", ""))
    alike = [entry for entry in runs if (entry.engine, entry.dtype) == mine]
    return expected([entry.run for entry in alike or runs], one.active_parameters or one.parameters)


def seconds_of(one: Live, expectation: Expected | None) -> float:
    """What a waiting job takes once it runs; never more than an attempt may take."""
    return UNKNOWN if expectation is None else min(expectation.seconds, one.limit_seconds)


def time_left(one: Live, expectation: Expected | None) -> float:
    """What is left of a running job; never more than its attempt may still take, UNKNOWN once its lease is out.

    Its items are as of its newest heartbeat, and so is the time that they took.
    """
    if one.silent:
        return UNKNOWN
    elapsed, silent = one.ago(one.claimed_at), max(0.0, one.ago(one.beat_at))
    evaluating = max(0.0, one.ago(one.evaluating_at) - silent) if one.evaluating_at else None
    left = remaining(expectation, elapsed=elapsed, evaluating=evaluating, done=one.done, total=one.total)
    if left < UNKNOWN and evaluating is not None:
        left -= silent
    return left if left == UNKNOWN else max(0.0, min(left, one.limit_seconds - elapsed))


def prediction(job: Job) -> float | None:
    """Seconds until the end of a job that was queued just now; None when nobody can tell."""
    return forecast().of([job]).seconds


def eta_of(submission: Submission, jobs: list[Job], look: Callable[[], Forecast]) -> Eta | None:
    """When a live submission will have ended, by a `look` ahead where that is needed; None once it has."""
    if submission.state == Submission.State.VALIDATING:
        return Eta(None, None, "It is being checked first.")
    if submission.state == Submission.State.SCORING:
        return Eta(None, None, "Its scores are being put together, which takes moments.")
    if submission.state not in {Submission.State.QUEUED, Submission.State.RUNNING}:
        return None
    if any(job.cancel_requested for job in jobs):
        return Eta(None, None, "It is being cancelled.")
    return look().of(jobs)


def past_accuracy() -> Accuracy | None:
    """How far predictions were off: of the newest that ended, well or badly. What people cancelled says nothing."""
    ended = Submission.objects.filter(
        state__in=[Submission.State.SUCCEEDED, Submission.State.FAILED],
        predicted_seconds__isnull=False,
        queued_at__isnull=False,
        finished_at__gte=F("queued_at"),
    ).order_by("-id")
    rows = ended.values_list("queued_at", "finished_at", "predicted_seconds")[:PREDICTIONS]
    return accuracy(
        [
            ((finished - queued).total_seconds(), predicted)
            for queued, finished, predicted in rows
            if queued and finished and predicted is not None
        ]
    )
