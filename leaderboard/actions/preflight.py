"""The look at an endpoint before anything is spent: begun with its submission, answered by a worker within seconds.

The submission stays `validating` meanwhile. A worker that finds the endpoint fit posts a Preflight, and the evaluation
is queued, or paused until its owner has seen what it will take; one that does not posts a Failure with the reason.
"""

import hashlib
from dataclasses import asdict
from typing import Any

import msgspec
from django.conf import settings as site
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from evaluator.contract import Preflight, Spent, SuiteSpec, canonical_json
from leaderboard.actions import ring
from leaderboard.actions.endpoint_revision import record_endpoint_revision
from leaderboard.actions.errors import Conflict
from leaderboard.actions.lease import check_held, locked
from leaderboard.actions.spent import note_spent
from leaderboard.actions.text import storable
from leaderboard.actions.transitions import move_job, move_submission
from leaderboard.actions.turns import place
from leaderboard.models import EndpointUse, Job, Outbox, Submission
from leaderboard.queries.endpoints import LIKELY_PROTOCOL, likelihood_tasks, price_of, whose
from leaderboard.queries.estimate import Estimate, estimate
from leaderboard.queries.waiting import prediction

SECONDS = 60.0
"""The longest that a look may take; it is answered in under ten."""
FIRST = 10
"""Before evaluations in the line."""


def begin(*, submission: Submission) -> Job:
    """Let a worker look at the endpoint of a new submission. Runs in the caller's transaction."""
    job = Job.everything.create(
        submission=submission, kind=Job.Kind.PREFLIGHT, priority=FIRST, queue="api", engine="endpoint",
        not_before=Now(), limit_seconds=SECONDS,
    )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue)
    return job


@transaction.atomic
def record_preflight(*, job: int, token: str, found: Preflight) -> bool:
    """Take in what a worker found, and let the submission go on; False when exactly this was taken in before.

    Raises NotFound, Conflict for a stale attempt.
    """
    said = storable(msgspec.to_builtins(found))
    digest = digest_of(said)
    row = locked(job=job)
    if (row.state, row.attempt, row.results_digest) == (Job.State.DONE, found.attempt, digest):
        return False
    check_held(row, attempt=found.attempt, token=token)
    if row.kind != Job.Kind.PREFLIGHT:
        raise Conflict("wrong_kind", "This job evaluates; it was looked at before.")
    actor = f"worker {row.worker}"
    note_spent(row, found.spent)
    move_job(job=row, before="running", after="done", actor=actor, digest=digest, results_digest=digest, phase="")
    use = EndpointUse.objects.select_related("endpoint").get(submission=row.submission_id)
    use.report = said
    EndpointUse.objects.filter(pk=use.pk).update(report=said)
    suite = msgspec.convert(row.submission.suite.definition, SuiteSpec)
    problem = unfit(suite, use, found)
    if problem:
        reject(submission=row.submission, code="no_likelihoods", message=problem, actor=actor)
    else:
        accept(submission=row.submission, use=use, found=found, actor=actor)
    return True


def unfit(suite: SuiteSpec, use: EndpointUse, found: Preflight) -> str:
    """Why this endpoint cannot answer the suite, now that it was looked at, or ""."""
    likely = likelihood_tasks(suite)
    if not likely or (use.endpoint.protocol == LIKELY_PROTOCOL and found.echo):
        return ""
    return (
        f"{', '.join(likely[:5])} compare log-likelihoods, and this endpoint does not tell those of a prompt (echo was "
        "asked for, and what came back is not it). Choose a suite of generated answers."
    )


def accept(*, submission: Submission, use: EndpointUse, found: Preflight, actor: str) -> None:
    """Queue or pause it; an equal live submission rejects it. Runs in the caller's transaction."""
    try:
        with transaction.atomic():
            enter(submission=submission, use=use, found=found, actor=actor)
    except IntegrityError:
        message = f"The same model at {use.endpoint.origin} is being evaluated on {submission.suite.slug} already."
        reject(submission=submission, code="duplicate_submission", message=message, actor=actor, refund=True)


def enter(*, submission: Submission, use: EndpointUse, found: Preflight, actor: str) -> None:
    """Record the revision and the estimate, and queue one job, or leave it paused until the owner says to go on."""
    identity = whose(use.endpoint.origin, use.endpoint.served)
    revision = record_endpoint_revision(
        endpoint=use.endpoint, identity=identity, found=found, private=submission.suite.owner_id is not None
    )
    price = price_of(use, identity.model)
    expected = estimate(submission=submission, revision=revision, use=use, price=price, seconds=found.seconds)
    EndpointUse.objects.filter(pk=use.pk).update(estimate=asdict(expected) if expected else None)
    code, message = reason_to_wait(use, expected)
    after = "paused" if code else "queued"
    move_submission(
        submission=submission.pk, before="validating", after=after, actor=actor,
        reason=code or f"answers as {revision.short_sha}", revision=revision, queued_at=Now(), error_code=code,
        error_message=message,
    )  # fmt: skip
    job = Job.everything.create(
        submission=submission, queue="api", engine="endpoint", not_before=Now(), limit_seconds=site.JOB_LIMIT_SECONDS,
        spent=msgspec.to_builtins(found.spent or Spent()), **place(owner=submission.owner, queue="api"),
    )  # fmt: skip
    if code:
        move_job(job=job, before="queued", after="paused", actor=actor, reason=code)
        return
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue)
    Submission.everything.filter(pk=submission.pk).update(predicted_seconds=prediction(job))


def reason_to_wait(use: EndpointUse, expected: Estimate | None) -> tuple[str, str]:
    """Why the owner has to say first that it may start, as code and sentence; "" for neither."""
    over = expected is not None and expected.exceeds(use.budget_tokens, use.budget_dollars)
    if over:
        return "over_budget", "It is expected to take more than its budget. Nothing was spent beyond the look."
    if use.hold:
        return "on_hold", "It starts when its owner has seen the estimate. Nothing was spent beyond the look."
    return "", ""


def reject(*, submission: Submission, code: str, message: str, actor: str, refund: bool = False) -> None:
    """End a submission that this endpoint cannot take. Runs in the caller's transaction."""
    move_submission(
        submission=submission.pk, before="validating", after="rejected", actor=actor, reason=code,
        digest=digest_of(message), error_code=code, error_message=message, refund=refund,
    )  # fmt: skip


def digest_of(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
