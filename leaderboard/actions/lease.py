"""Leases: a worker claims a job, keeps it by heartbeats, and loses it when they stop.

Every claim raises the job's attempt and makes a new token; whoever calls with an older attempt is refused (fencing).
"""

import hashlib
import logging
import random
from datetime import timedelta

import msgspec
from django.conf import settings as site
from django.db import DataError, IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from evaluator.contract import (
    LOG_LIMIT,
    ClaimRequest,
    Heartbeat,
    HeartbeatReply,
    JobSpec,
    ModelRef,
    Settings,
    SuiteSpec,
)
from leaderboard import tokens
from leaderboard.actions import ring
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.text import newest, storable
from leaderboard.actions.transitions import move_job, move_submission
from leaderboard.models import Job, Outbox, Submission, Worker, WorkerToken

log = logging.getLogger(__name__)

LOST_LEASE = "The worker stopped answering; the job waits for another one."


def lease_end() -> object:
    """When a lease that is granted now expires, by the database's clock."""
    return Now() + timedelta(seconds=site.LEASE_SECONDS)


@transaction.atomic
def claim(*, token: WorkerToken, request: ClaimRequest) -> JobSpec | None:
    """Lease the oldest job that fits this worker, whichever the doorbell rang for; None when nothing waits.

    Fits: a queue and an engine that it serves, an architecture that it runs, no more memory than it has. A claim that
    is sent again, by its nonce, gets the attempt that it got before.
    """
    worker, _ = Worker.objects.update_or_create(
        token=token,
        name=storable(request.worker),
        defaults={
            "queues": list(request.queues),
            "engines": list(request.engines),
            "hardware": storable(request.hardware),
            "memory_bytes": request.memory_bytes,
            "architectures": list(request.architectures),
            "edition": request.edition,
            "last_seen_at": Now(),
        },
    )
    free = Job.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "submission__suite", "submission__revision__model"
    )
    if request.nonce and (again := repeated(free.filter(worker=worker), request)) is not None:
        return again
    job = (
        free.filter(fits(request), not_before__lte=Now())
        .filter(submission__state__in=[Submission.State.QUEUED, Submission.State.RUNNING])
        .order_by("id")
        .first()
    )
    if job is None:
        return None
    secret, submission = attempt_secret(request, job.pk, job.attempt + 1), job.submission
    move_job(
        job=job, before="queued", after="running", actor=f"worker {worker.name}", attempt=F("attempt") + 1,
        worker=worker, token_digest=tokens.digest(secret), lease_expires_at=lease_end(), claimed_at=Now(),
        beat_at=Now(), evaluating_at=None, phase="preparing", done=0, total=0, log="",
    )  # fmt: skip
    if submission.state == Submission.State.QUEUED:
        move_submission(
            submission=submission.pk, before="queued", after="running", actor=f"worker {worker.name}",
            started_at=submission.started_at or Now(),
        )  # fmt: skip
    return spec_of(job, attempt=job.attempt + 1, secret=secret, request=request)


def repeated(jobs: QuerySet[Job], request: ClaimRequest) -> JobSpec | None:
    """The attempt among `jobs` that this very claim got before, its lease begun anew; None for a new claim."""
    for job in jobs.filter(state=Job.State.RUNNING, lease_expires_at__gte=Now()):
        secret = attempt_secret(request, job.pk, job.attempt)
        if tokens.matches(secret, job.token_digest):
            Job.objects.filter(pk=job.pk).update(lease_expires_at=lease_end(), beat_at=Now())
            return spec_of(job, attempt=job.attempt, secret=secret, request=request)
    return None


def attempt_secret(request: ClaimRequest, job: int, attempt: int) -> str:
    """The attempt's token: random, or made of the claim's nonce, so that the claim that is repeated is known by it."""
    if not request.nonce:
        return tokens.new("attempt")
    return tokens.derived("attempt", request.nonce, str(job), str(attempt))


def spec_of(job: Job, *, attempt: int, secret: str, request: ClaimRequest) -> JobSpec:
    """What the worker gets, less what its edition would refuse."""
    submission, revision = job.submission, job.submission.revision
    assert revision is not None  # a constraint of the table: only pinned submissions are queued
    limited = request.edition >= 2
    return JobSpec(
        job=job.pk,
        attempt=attempt,
        token=secret,
        lease_seconds=site.LEASE_SECONDS,
        heartbeat_seconds=site.HEARTBEAT_SECONDS,
        model=ModelRef(name=revision.model.name, sha=revision.sha),
        suite=msgspec.convert(submission.suite.definition, SuiteSpec),
        settings=msgspec.convert(submission.settings, Settings),
        limit_seconds=job.limit_seconds if limited else None,
        task_limit_seconds=site.TASK_LIMIT_SECONDS if limited else None,
    )


def fits(request: ClaimRequest) -> Q:
    """The waiting jobs that a worker which says this of itself can run."""
    able = Q(state=Job.State.QUEUED, queue__in=request.queues, engine__in=request.engines)
    if request.memory_bytes is not None:
        able &= Q(needs_bytes__lte=request.memory_bytes)
    if request.architectures:
        able &= Q(architecture__in=[*request.architectures, ""])
    return able


def held(*, job: int, attempt: int, token: str) -> Job:
    """The running job that this attempt holds, locked; raises NotFound, or Conflict for a stale or foreign attempt.

    Call it inside the transaction that acts on the job: the lock is what makes the check and the act one.
    """
    row = locked(job=job)
    check_held(row, attempt=attempt, token=token)
    return row


def locked(*, job: int) -> Job:
    """A job, locked; raises NotFound. Whoever locks its submission too locks the job first: one order, no deadlock."""
    row = Job.objects.select_for_update(of=("self",)).select_related("submission", "worker").filter(pk=job).first()
    if row is None:
        raise NotFound("unknown_job", f"There is no job {job}.")
    return row


def check_held(row: Job, *, attempt: int, token: str) -> None:
    """Raise Conflict unless this attempt, with its token, holds the locked job. The token ends with the lease, also
    before the reconciler has seen that it is out."""
    holds = row.state == Job.State.RUNNING and row.attempt == attempt and tokens.matches(token, row.token_digest)
    if not holds or Job.objects.filter(pk=row.pk, lease_expires_at__lt=Now()).exists():
        message = f"Attempt {attempt} does not hold job {row.pk} (any more); stop working on it."
        raise Conflict("stale_attempt", message)


@transaction.atomic
def heartbeat(*, job: int, token: str, beat: Heartbeat) -> HeartbeatReply:
    """Renew the lease and note the progress. Progress never runs backwards within an attempt."""
    row = held(job=job, attempt=beat.attempt, token=token)
    Job.objects.filter(pk=row.pk).update(
        lease_expires_at=lease_end(),
        beat_at=Now(),
        evaluating_at=row.evaluating_at or (Now() if beat.phase == "evaluating" else None),
        phase=beat.phase,
        done=max(row.done, min(beat.done, beat.total)),
        total=max(row.total, beat.total),
        log=newest(beat.log, LOG_LIMIT) or row.log,
    )
    Worker.objects.filter(jobs=row).update(last_seen_at=Now())
    return HeartbeatReply(cancel=row.cancel_requested, lease_seconds=site.LEASE_SECONDS)


def requeue(*, job: Job, actor: str, reason: str, wait: timedelta, losses: int, digest: str = "") -> None:
    """Let a running job wait again, and its submission with it. Runs in the caller's transaction."""
    move_job(
        job=job, before="running", after="queued", actor=actor, reason=reason, digest=digest, worker=None, phase="",
        done=0, total=0, not_before=Now() + wait, losses=losses,
    )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue, delay=wait)
    move_submission(
        submission=job.submission_id, before="running", after="queued", actor=actor, reason=reason, digest=digest
    )


@transaction.atomic
def requeue_or_fail(*, job: Job, actor: str, code: str, message: str, retry: bool) -> None:
    """End a running attempt that brought no result: wait again while attempts are left, else fail for good.

    The waits double and are spread (full jitter over their upper half), so that jobs which failed together do not come
    back together. The message may quote a log; the events hold its digest.
    """
    reason, digest = f"{code} (attempt {job.attempt})", hashlib.sha256(message.encode()).hexdigest()
    if retry and job.losses + 1 < site.MAX_LOSSES:
        wait = timedelta(seconds=site.RETRY_SECONDS * 2**job.losses * random.uniform(0.5, 1.0))  # noqa: S311
        requeue(job=job, actor=actor, reason=reason, digest=digest, wait=wait, losses=job.losses + 1)
        return
    move_job(job=job, before="running", after="failed", actor=actor, reason=reason, digest=digest)
    move_submission(
        submission=job.submission_id, before="running", after="failed", actor=actor, reason=reason, digest=digest,
        error_code=code, error_message=message,
    )  # fmt: skip


def end_cancelled(*, job: Job, actor: str, reason: str) -> None:
    """End a running job, and its submission, that somebody asked to cancel. Runs in the caller's transaction."""
    move_job(job=job, before="running", after="cancelled", actor=actor, reason=reason)
    move_submission(submission=job.submission_id, before="running", after="cancelled", actor=actor, reason=reason)


OVERTIME = timedelta(seconds=30)
"""A worker ends an attempt at its limit by itself; one that has not done so by then is not asked any more."""


def end_overtime() -> int:
    """Fail every job whose attempt runs longer than it may, whatever its worker says; returns how many."""
    late = Q(state=Job.State.RUNNING, claimed_at__lt=Now() - F("limit_seconds") * timedelta(seconds=1) - OVERTIME)
    ended = 0
    for number in list(Job.objects.filter(late).values_list("pk", flat=True)):
        with transaction.atomic():
            job = Job.objects.select_for_update(skip_locked=True, of=("self",)).filter(late, pk=number).first()
            if job is not None:
                fail_overtime(job)
                ended += 1
    return ended


def fail_overtime(job: Job) -> None:
    """End a locked running job that is over its limit. Runs in the caller's transaction."""
    if job.cancel_requested:
        end_cancelled(job=job, actor="reconciler", reason="cancelled; its worker did not stop in time")
        return
    message = f"The evaluation took longer than the {job.limit_seconds:g} s that it may."
    requeue_or_fail(job=job, actor="reconciler", code="time_limit", message=message, retry=False)


def expire_leases() -> int:
    """Take back every job whose lease has run out; returns how many. Safe to run from several places at once."""
    expired = list(Job.objects.filter(state="running", lease_expires_at__lt=Now()).values_list("pk", flat=True))
    taken = 0
    for job in expired:
        try:
            taken += expire(job=job)
        except (Conflict, DataError, IntegrityError):
            log.exception("The lease of job %s cannot be taken back; the others go on.", job)
    return taken


@transaction.atomic
def expire(*, job: int) -> bool:
    """Take back one job if its lease is really out."""
    row = (
        Job.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("submission")
        .filter(pk=job, state="running", lease_expires_at__lt=Now())
        .first()
    )
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
