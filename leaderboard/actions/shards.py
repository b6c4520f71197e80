"""A large submission has several jobs: one evaluates, the others each answer a shard of the same requests for it.

The submission lives and ends by the first one, which does whatever the others have not done. So a shard that fails,
expires or is cancelled moves nothing but itself, and all that are left end with the evaluation.
"""

from typing import Any

from django.conf import settings as site

from evaluator.contract import Results, Shard
from leaderboard.actions import share
from leaderboard.actions.errors import Refused
from leaderboard.actions.transitions import move_job
from leaderboard.models import Job, Submission
from leaderboard.queries.editions import SHARDS_SINCE
from leaderboard.queries.estimate import items_of


def shards_of(row: Submission) -> int:
    """How many jobs a submission has: as many as its items are worth, where their number is known.

    1 for what nobody can split: somebody's own prompts, whose responses never leave their attempt, and a suite that
    nobody has measured and whose tasks are not limited.
    """
    if site.SHARDS < 2 or row.suite.owner_id is not None:
        return 1
    return max(1, min(int(site.SHARDS), (items_of(row) or 0) // int(site.SHARD_ITEMS)))


def asked_of(job: Job, edition: int) -> Shard | None:
    """Which of its submission's requests a job begins with, for a worker of this edition; None: all there are."""
    if job.shards < 2 or edition < SHARDS_SINCE:
        return None
    first = job.submission.jobs.get(kind=Job.Kind.EVALUATION)
    return Shard(index=job.shard, of=job.shards, job=first.pk)


def end(*, job: Job, results: Results, digest: str) -> None:
    """A shard's responses have all been left as parts, and there are no results; raises Refused for one that brings
    some. Runs in the caller's transaction."""
    if results.tasks or results.chunks:
        raise Refused("wrong_kind", "This job is a shard of a submission's requests: it has no results of its own.")
    actor = f"worker {job.worker}"
    move_job(job=job, before="running", after="done", actor=actor, digest=digest, results_digest=digest, phase="")


def failed_alone(*, job: Job, code: str, actor: str, before: str) -> bool:
    """End for good a job by which its submission does not live; False, and nothing done, for any other. Runs in the
    caller's transaction."""
    if job.kind == Job.Kind.SHARE:
        share.drop(job=job, code=code, actor=actor, before=before)
    elif job.kind == Job.Kind.SHARD:
        move_job(job=job, before=before, after="failed", actor=actor, reason=code)
    else:
        return False
    return True


def told(job: Job) -> dict[str, Any]:
    """For the provenance of an evaluation that is just ending: its shards, who was at each, and how far they came."""
    if job.shards < 2 or job.worker is None or job.worker.edition < SHARDS_SINCE:
        return {}
    rows = job.submission.jobs.filter(kind=Job.Kind.SHARD).select_related("worker").order_by("shard")
    others = [
        {
            "shard": row.shard, "worker": row.worker.name if row.worker else "", "attempt": row.attempt,
            "state": str(row.state), "items": row.done,
        }
        for row in rows
    ]  # fmt: skip
    return {"shards": [{"shard": 0, "worker": job.worker.name, "attempt": job.attempt}, *others]}
