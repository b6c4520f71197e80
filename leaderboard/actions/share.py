"""What a worker measured that the site does not trust is ranked once a trusted one has generated a share of it again.

Recomputing scores cannot tell invented samples from real ones; asking the model again can. The share is drawn when the
results are in, so that nobody knows beforehand what will be looked at: whole tasks, until they hold `TRUST_SHARE` of
the items. It is a job of its own, of a submission that has ended and has no rank yet.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.conf import settings as site
from django.db.models.functions import Now

from evaluator.contract import Results, SuiteSpec, TaskResult
from leaderboard.actions import ring
from leaderboard.actions.refresh import mark_stale
from leaderboard.actions.transitions import move_job, move_submission
from leaderboard.actions.turns import place
from leaderboard.models import Event, Job, Outbox, Result, Submission
from leaderboard.statistics.again import agreement, rate_of

WAITS = (
    "A worker that this site does not trust measured it. It is ranked once a trusted one has generated a random share "
    "of it again, and agrees."
)
FAILED = "A worker that this site does not trust measured it, and no trusted one could generate a share of it again"
CODE = "share_differs"


def drawn(results: Iterable[Result], chance: random.Random) -> list[str]:
    """Tasks at random, until they hold the share; of those that were measured."""
    left = [result for result in results if result.score is not None]
    chance.shuffle(left)
    wanted, held = site.TRUST_SHARE * sum(result.n for result in left), 0
    found: list[str] = []
    for result in left:
        if found and held >= wanted:
            break
        found.append(result.task.task)
        held += result.n
    return found


def begin(*, submission: Submission, results: Sequence[Result], chance: random.Random) -> Job:
    """Let a trusted worker generate a share of these results again. Runs in the caller's transaction."""
    measured = results[0].job
    job = Job.everything.create(
        submission=submission, kind=Job.Kind.SHARE, share=drawn(results, chance), queue=measured.queue,
        engine=measured.engine, architecture=measured.architecture, needs_bytes=measured.needs_bytes,
        limit_seconds=measured.limit_seconds, not_before=Now(),
        **place(owner=submission.owner, queue=measured.queue),
    )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue)
    return job


def shared(suite: SuiteSpec, job: Job) -> tuple[Any, ...]:
    """The tasks of the suite that a job asks for: all of them, unless it is about a share."""
    return tuple(task for task in suite.tasks if job.kind != Job.Kind.SHARE or task.task in job.share)


def settle(*, job: Job, results: Results, actor: str) -> None:
    """Rank the submission whose share was generated again, or hold it back. Runs in the caller's transaction.

    One that somebody has moved meanwhile stays where it is, and so does one whose share could not be measured.
    """
    row = Submission.everything.select_for_update(of=("self",)).select_related("suite").get(pk=job.submission_id)
    if row.state != Submission.State.SUCCEEDED or row.unranked_reason != WAITS:
        return
    if any(again.score is None for again in results.tasks):
        give_up(job=job, code="not_measured", actor=actor)
        return
    rate = rate_of(str(results.provenance.get("dtype", "")))
    stored = {result.task.task: result for result in row.results.select_related("task", "items")}
    found = {again.task: compared(stored[again.task], again, rate) for again in results.tasks}
    provenance = {**row.provenance, "generated_again": {task: said for task, (said, _) in found.items()}}
    problem = next((f"{stored[task].task.title}: {why}" for task, (_, why) in found.items() if why), "")
    if problem:
        move_submission(
            submission=row.pk, before=row.state, after="quarantined", actor=actor, error_code=CODE,
            reason="a share that a trusted worker generated again differs", provenance=provenance, unranked_reason="",
            error_message=f"A trusted worker generated a share of it again, and it differs. {problem}",
        )  # fmt: skip
    else:
        Submission.everything.filter(pk=row.pk).update(unranked_reason="", provenance=provenance)
        tell(row, actor, "a share of it, generated again, agrees")
    mark_stale(suite=row.suite, anew=True)


def compared(stored: Result, again: TaskResult, rate: float) -> tuple[str, str]:
    """What was found about a task, and what is wrong with it or ""."""
    hashes = bytes(stored.items.hashes) if stored.items else b""
    if bytes.fromhex("".join(again.item_hashes)) != hashes:
        return "other items", "its items are not those that a trusted worker found."
    found = agreement(np.frombuffer(stored.item_scores, dtype="<f4"), again.item_scores, rate=rate)
    return f"{found.items} items; {found.apart} apart, {found.allowed} allowed", found.problem


def give_up(*, job: Job, code: str, actor: str) -> None:
    """The share could not be generated again: the result stays without a rank. Runs in the caller's transaction."""
    row = Submission.everything.select_related("suite").get(pk=job.submission_id)
    waiting = Submission.everything.filter(pk=row.pk, state=Submission.State.SUCCEEDED, unranked_reason=WAITS)
    if waiting.update(unranked_reason=f"{FAILED} ({code})."):
        tell(row, actor, f"no share of it could be generated again: {code}")
        mark_stale(suite=row.suite, anew=True)


def drop(*, job: Job, code: str, actor: str, before: str) -> None:
    """End a share's job for good, and with it the wait for it. Runs in the caller's transaction."""
    move_job(job=job, before=before, after="failed", actor=actor, reason=code)
    give_up(job=job, code=code, actor=actor)


def tell(row: Submission, actor: str, reason: str) -> None:
    Event.objects.create(submission=row, actor=actor, before=row.state, after=row.state, reason=reason)
