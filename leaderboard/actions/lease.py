"""Leases: a worker claims a job, keeps it by heartbeats, and loses it when they stop.

Every claim raises the job's attempt and makes a new token; whoever calls with an older attempt is refused (fencing).
"""

import hashlib
import logging
import random
from collections.abc import Callable
from datetime import timedelta

import msgspec
from django.conf import settings as site
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.db.models.lookups import LessThanOrEqual

from evaluator.contract import (
    LOG_LIMIT,
    ClaimRequest,
    Heartbeat,
    HeartbeatReply,
    JobSpec,
    SuiteSpec,
)
from leaderboard import run_settings, tokens
from leaderboard.actions import ring, shards, share
from leaderboard.actions.endpoint_spec import Unusable, endpoint_spec, givable, model_ref
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.introduce import introduce
from leaderboard.actions.pause import KEY_GONE, KEY_GONE_MESSAGE, pause
from leaderboard.actions.quota import SITE_CODES
from leaderboard.actions.spent import note_spent
from leaderboard.actions.text import newest, storable
from leaderboard.actions.transitions import move_job, move_submission
from leaderboard.models import EndpointUse, Job, Outbox, Submission, Worker, WorkerToken, WorkloadSuite
from leaderboard.models.submissions import IN_LINE
from leaderboard.queries import health
from leaderboard.queries.editions import LOOKS_SINCE, NEWEST, TRACES_SINCE, least_edition
from leaderboard.queries.rescoring import replies_of
from leaderboard.statistics.anytime import looks

log = logging.getLogger(__name__)

LOST_LEASE = "The worker stopped answering; the job waits for another one."


def lease_end() -> object:
    """When a lease that is granted now expires, by the database's clock."""
    return Now() + timedelta(seconds=site.LEASE_SECONDS)


@transaction.atomic
def claim(*, token: WorkerToken, request: ClaimRequest) -> JobSpec | None:
    """Lease the first job in line that fits this worker, whichever the doorbell rang for; None when nothing waits.

    Fits: a queue and an engine that it serves, an architecture that it runs, no more memory than it has; an endpoint
    and its key go only to trusted workers of the api class, and what an untrusted one is checked with to trusted ones.
    A claim that is sent again, by its nonce, gets the attempt that it got before. A job that this site cannot read any
    more (it was stored by another version), or whose key it cannot open, fails: the others do not wait behind it.
    """
    worker = introduce(token=token, request=request)
    again = given_before(worker, request) if request.nonce else None
    if worker.drained_at is not None or health.full():
        return again  # with a full disk, what is measured could not be kept
    while again is None and (job := next_in_line(token, request)) is not None:
        try:
            return give(job, worker, request)
        except msgspec.ValidationError as error:
            fail_waiting(job, "unreadable_job", f"{UNREADABLE}: {error}.", refund=True)
        except Unusable as error:
            fail_waiting(job, error.code, error.message, refund=False)
    return again


def free() -> QuerySet[Job]:
    """Jobs that nobody else is just taking; each gets locked."""
    rows = Job.everything.select_for_update(skip_locked=True, of=("self",))
    return rows.select_related("submission__suite", "submission__revision__model")


def given_before(worker: Worker, request: ClaimRequest) -> JobSpec | None:
    """The attempt that this very claim got already, when its answer was lost; its lease starts anew."""
    held = free().filter(givable(worker.token, request), worker=worker, state=Job.State.RUNNING)
    for job in held.filter(lease_expires_at__gte=Now()):
        secret = attempt_secret(request, job.pk, job.attempt)
        if tokens.matches(secret, job.token_digest):
            Job.everything.filter(pk=job.pk).update(lease_expires_at=lease_end(), beat_at=Now())
            return spec_of(job, attempt=job.attempt, secret=secret, request=request)
    return None


def next_in_line(token: WorkerToken, request: ClaimRequest) -> Job | None:
    """The first waiting job that fits, locked; one that somebody else is just taking is passed over."""
    return line(token, request).first()


def line(token: WorkerToken, request: ClaimRequest) -> QuerySet[Job]:
    """The waiting jobs that fit, in the order in which they are given out."""
    waiting = free().filter(fits(request, trusted=token.trusted), givable(token, request), not_before__lte=Now())
    ready = Q(submission__state__in=[Submission.State.QUEUED, Submission.State.RUNNING])
    looks = Q(submission__state=Submission.State.VALIDATING, kind=Job.Kind.PREFLIGHT)
    again = Q(submission__state=Submission.State.SUCCEEDED, kind=Job.Kind.SHARE)
    return waiting.filter(looks if request.looks_only else ready | looks | again).order_by(*IN_LINE)


def give(job: Job, worker: Worker, request: ClaimRequest) -> JobSpec:
    """Lease a locked waiting job to a worker; raises ValidationError or Unusable, nothing done, for one that cannot be
    given out. Runs in the caller's transaction."""
    secret, submission = attempt_secret(request, job.pk, job.attempt + 1), job.submission
    spec = spec_of(job, attempt=job.attempt + 1, secret=secret, request=request)
    move_job(
        job=job, before="queued", after="running", actor=f"worker {worker.name}", attempt=F("attempt") + 1,
        worker=worker, token_digest=tokens.digest(secret), lease_expires_at=lease_end(), claimed_at=Now(),
        beat_at=Now(), evaluating_at=None, phase="preparing", done=0, total=0, log="",
    )  # fmt: skip
    if submission.state == Submission.State.QUEUED and job.kind == Job.Kind.EVALUATION:
        move_submission(
            submission=submission.pk, before="queued", after="running", actor=f"worker {worker.name}",
            started_at=submission.started_at or Now(),
        )  # fmt: skip
    return spec


def attempt_secret(request: ClaimRequest, job: int, attempt: int) -> str:
    """The attempt's token: random, or made of the claim's nonce, so that the claim that is repeated is known by it."""
    if not request.nonce:
        return tokens.new("attempt")
    return tokens.derived("attempt", request.nonce, str(job), str(attempt))


def spec_of(job: Job, *, attempt: int, secret: str, request: ClaimRequest) -> JobSpec:
    """What the worker gets, less what its edition would refuse; raises ValidationError for what cannot be read, and
    Unusable for an endpoint that cannot be used."""
    submission = job.submission
    suite = msgspec.convert(submission.suite.definition, SuiteSpec)
    limited = request.edition >= 2
    return JobSpec(
        job=job.pk,
        attempt=attempt,
        token=secret,
        lease_seconds=site.LEASE_SECONDS,
        heartbeat_seconds=site.HEARTBEAT_SECONDS,
        model=model_ref(job),
        suite=msgspec.structs.replace(suite, tasks=share.shared(suite, job)),
        settings=run_settings.engine_settings(submission.settings),
        limit_seconds=job.limit_seconds if limited else None,
        task_limit_seconds=site.TASK_LIMIT_SECONDS if limited else None,
        endpoint=endpoint_spec(job),
        private=submission.suite.owner_id is not None,
        shard=shards.asked_of(job, request.edition),
        fresh=submission.fresh,
        replies=replies_of(submission),
        looks=looks_of(submission) if request.edition >= LOOKS_SINCE else (),
        trace=submission.trace if request.edition >= TRACES_SINCE else "",
    )


def looks_of(submission: Submission) -> tuple[int, ...]:
    """After how many items it is asked whether that is enough: of suites whose items come at random."""
    suite = WorkloadSuite.objects.filter(suite=submission.suite_id, shuffled=True).first()
    return looks(suite.n) if suite else ()


UNREADABLE = "This site cannot read the settings or the suite of this submission any more"


def fail_waiting(job: Job, code: str, message: str, *, refund: bool) -> None:
    """End a locked waiting job that cannot be given out. Runs in the caller's transaction."""
    if shards.failed_alone(job=job, code=code, actor="dispatcher", before="queued"):
        return
    move_job(job=job, before="queued", after="failed", actor="dispatcher", reason=code)
    before = job.submission.state
    move_submission(
        submission=job.submission_id, before=before, after=end_of(job), actor="dispatcher", reason=code,
        error_code=code, error_message=message, refund=refund,
    )  # fmt: skip


def end_of(job: Job) -> str:
    """How a submission ends whose job failed: one that was only looked at is rejected."""
    return "rejected" if job.kind == Job.Kind.PREFLIGHT else "failed"


def under(job: Job) -> str:
    """The state of a submission while `job` of it runs."""
    return "validating" if job.kind == Job.Kind.PREFLIGHT else "running"


def fits(request: ClaimRequest, *, trusted: bool = True) -> Q:
    """The waiting jobs that a worker which says this of itself can run: `hosts.can_run`, in the database. Prompts of a
    workload, and stored responses, go only to trusted ones: a new score counts as the old one did. What others are
    checked with goes to trusted ones, too, and so do shards, whose responses another worker scores as its own."""
    able = Q(state=Job.State.QUEUED, queue__in=request.queues, engine__in=request.engines)
    if request.edition < NEWEST:
        able &= Q(LessThanOrEqual(least_edition(), request.edition))
    if request.memory_bytes is not None:
        able &= Q(needs_bytes__lte=request.memory_bytes)
    if not trusted:
        able &= Q(submission__suite__owner=None, submission__rescored_from=None) & ~Q(
            kind__in=[Job.Kind.SHARE, Job.Kind.SHARD]
        )
    if request.architectures:
        able &= Q(architecture__in=[*storable(request.architectures), ""])
    return able


def held(*, job: int, attempt: int, token: str) -> Job:
    """The running job that this attempt holds, locked; raises NotFound, or Conflict for a stale or foreign attempt.

    Call it inside the transaction that acts on the job: the lock is what makes the check and the act one.
    """
    row = locked(job=job)
    check_held(row, attempt=attempt, token=token)
    return row


@transaction.atomic
def holder(*, job: int, token: str) -> Job:
    """The running job whose newest attempt has this token, for whoever only reads; raises NotFound, Conflict."""
    row = locked(job=job)
    check_held(row, attempt=row.attempt, token=token)
    return row


def locked(*, job: int) -> Job:
    """A job, locked; raises NotFound. Whoever locks its submission too locks the job first: one order, no deadlock."""
    row = Job.everything.select_for_update(of=("self",)).select_related("submission", "worker").filter(pk=job).first()
    if row is None:
        raise NotFound("unknown_job", f"There is no job {job}.")
    return row


def check_held(row: Job, *, attempt: int, token: str) -> None:
    """Raise Conflict unless this attempt, with its token, holds the locked job. The token ends with the lease, also
    before the reconciler has seen that it is out."""
    holds = row.state == Job.State.RUNNING and row.attempt == attempt and tokens.matches(token, row.token_digest)
    if not holds or Job.everything.filter(pk=row.pk, lease_expires_at__lt=Now()).exists():
        message = f"Attempt {attempt} does not hold job {row.pk} (any more); stop working on it."
        raise Conflict("stale_attempt", message)


@transaction.atomic
def heartbeat(*, job: int, token: str, beat: Heartbeat) -> HeartbeatReply:
    """Renew the lease and note the progress. Progress never runs backwards within an attempt: calls may arrive late, or
    in another order than they were sent."""
    row = held(job=job, attempt=beat.attempt, token=token)
    done, total = further(row, beat)
    note_spent(row, beat.spent)  # first: it looks at when the last one came
    Job.everything.filter(pk=row.pk).update(
        lease_expires_at=lease_end(),
        beat_at=Now(),
        evaluating_at=row.evaluating_at or (Now() if beat.phase == "evaluating" else None),
        phase=max(row.phase, beat.phase, key=PHASES.index),
        done=done,
        total=total,
        log=newest(beat.log, LOG_LIMIT) or row.log,
    )
    Worker.objects.filter(jobs=row).update(last_seen_at=Now())
    return HeartbeatReply(cancel=row.cancel_requested, lease_seconds=site.LEASE_SECONDS)


PHASES = ("", "preparing", "loading", "evaluating", "posting")
"""In the order in which an attempt goes through them."""


def further(job: Job, beat: Heartbeat) -> tuple[int, int]:
    """Items done and in all as they are shown from now on: neither number falls, and neither does their share."""
    done, total = max(job.done, min(beat.done, beat.total)), max(job.total, beat.total)
    falls = done * job.total < job.done * total
    return (job.done, job.total) if falls else (done, total)


def requeue(*, job: Job, actor: str, reason: str, wait: timedelta, losses: int, digest: str = "") -> None:
    """Let a running job wait again, and its submission with it; one whose key is gone waits for its owner instead. Runs
    in the caller's transaction."""
    if job.kind == Job.Kind.EVALUATION and keyless(job):
        pause(job=job, before="running", actor=actor, code=KEY_GONE, message=KEY_GONE_MESSAGE)
        return
    move_job(
        job=job, before="running", after="queued", actor=actor, reason=reason, digest=digest, worker=None, phase="",
        done=0, total=0, not_before=Now() + wait, losses=losses,
    )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue, delay=wait)
    if job.kind != Job.Kind.EVALUATION:
        return  # its submission is validating all the while, or has ended, or lives by its evaluation
    move_submission(
        submission=job.submission_id, before="running", after="queued", actor=actor, reason=reason, digest=digest
    )


def keyless(job: Job) -> bool:
    """Whether the API key that this job was given is gone."""
    return EndpointUse.objects.filter(submission=job.submission_id, key_wiped_at__isnull=False).exists()


@transaction.atomic
def requeue_or_fail(*, job: Job, actor: str, code: str, message: str, retry: bool) -> None:
    """End a running attempt that brought no result: wait again while attempts are left, else fail for good.

    The waits double and are spread (full jitter over their upper half), so that jobs which failed together do not come
    back together. The message may quote a log; the events hold its digest. What was worth a `retry` and still failed is
    not charged to its owner.
    """
    reason, digest = f"{code} (attempt {job.attempt})", hashlib.sha256(message.encode()).hexdigest()
    if retry and job.losses + 1 < site.MAX_LOSSES:
        wait = timedelta(seconds=site.RETRY_SECONDS * 2**job.losses * random.uniform(0.5, 1.0))  # noqa: S311
        requeue(job=job, actor=actor, reason=reason, digest=digest, wait=wait, losses=job.losses + 1)
        return
    if shards.failed_alone(job=job, code=code, actor=actor, before="running"):
        return
    move_job(job=job, before="running", after="failed", actor=actor, reason=reason, digest=digest)
    move_submission(
        submission=job.submission_id, before=under(job), after=end_of(job), actor=actor, reason=reason, digest=digest,
        error_code=code, error_message=message, refund=retry or code in SITE_CODES,
    )  # fmt: skip


def end_cancelled(*, job: Job, actor: str, reason: str) -> None:
    """End a running job, and its submission, that somebody asked to cancel. Runs in the caller's transaction."""
    move_job(job=job, before="running", after="cancelled", actor=actor, reason=reason)
    if job.kind == Job.Kind.SHARD:
        return
    move_submission(submission=job.submission_id, before=under(job), after="cancelled", actor=actor, reason=reason)


OVERTIME = timedelta(seconds=30)
"""A worker ends an attempt at its limit by itself; one that has not done so by then is not asked any more."""


def end_overtime() -> int:
    """Fail every job whose attempt runs longer than it may, whatever its worker says; returns how many."""
    return end_each(over_limit(), fail_overtime)


def over_limit() -> QuerySet[Job]:
    return Job.everything.filter(
        state=Job.State.RUNNING, claimed_at__lt=Now() - F("limit_seconds") * timedelta(seconds=1) - OVERTIME
    )


def end_each(jobs: QuerySet[Job], end: Callable[..., bool]) -> int:
    """End each of these jobs in a transaction of its own; returns how many were. Safe from several places at once.

    One that cannot be ended is logged and stays as it is; the others do not wait behind it.
    """
    ended = 0
    for job in list(jobs.values_list("pk", flat=True)):
        try:
            ended += end(job=job)
        except (InterfaceError, OperationalError):
            raise  # the database is away
        except Exception:
            log.exception("Job %s cannot be ended; the others go on.", job)
    return ended


@transaction.atomic
def fail_overtime(*, job: int) -> bool:
    """End one running job if it is really over its limit."""
    row = over_limit().select_for_update(skip_locked=True, of=("self",)).filter(pk=job).first()
    if row is None:
        return False
    if row.cancel_requested:
        end_cancelled(job=row, actor="reconciler", reason="cancelled; its worker did not stop in time")
        return True
    message = f"The evaluation took longer than the {row.limit_seconds:g} s that it may."
    requeue_or_fail(job=row, actor="reconciler", code="time_limit", message=message, retry=False)
    return True


def expire_leases() -> int:
    """Take back every job whose lease has run out; returns how many."""
    return end_each(leases_out(), expire)


def leases_out() -> QuerySet[Job]:
    return Job.everything.filter(state=Job.State.RUNNING, lease_expires_at__lt=Now())


@transaction.atomic
def expire(*, job: int) -> bool:
    """Take back one job if its lease is really out."""
    row = leases_out().select_for_update(skip_locked=True, of=("self",)).filter(pk=job).first()
    if row is None:
        return False
    if row.cancel_requested:
        end_cancelled(job=row, actor="reconciler", reason="cancelled; its worker stopped answering")
        return True
    message = LOST_LEASE
    if row.losses + 1 >= site.MAX_LOSSES:
        message = f"{row.losses + 1} attempts were lost while they ran this job; it is not tried again."
    requeue_or_fail(job=row, actor="reconciler", code="worker_lost", message=message, retry=True)
    return True
