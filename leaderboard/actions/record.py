"""Take in what a worker measured: chunks of samples as they come, results once, or the reason why there are none."""

import hashlib
import math
from collections.abc import Iterable
from datetime import timedelta

import msgspec
import numpy as np
from django.conf import settings as site
from django.db import IntegrityError, connection, transaction

from evaluator.contract import LOG_LIMIT, Failure, Results, TaskResult, canonical_json
from leaderboard import chunks
from leaderboard.actions import ring, shards, share
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.actions.files import discard, keep
from leaderboard.actions.lease import check_held, end_cancelled, held, locked, requeue, requeue_or_fail
from leaderboard.actions.pause import pause
from leaderboard.actions.spent import note_spent
from leaderboard.actions.text import newest, storable
from leaderboard.actions.transitions import move_job, move_submission
from leaderboard.models import ItemSet, Job, Outbox, Result, SampleChunk, SuiteTask
from leaderboard.queries.rescoring import carried

MESSAGE_LIMIT = 10_000
PROVENANCE_LIMIT = 1_000_000
"""Characters of JSON."""
LARGEST = 3.4e38
"""Of a float32, in which item scores are kept."""


def record_chunk(*, job: int, attempt: int, token: str, sequence: int, digest: str, body: bytes) -> bool:
    """Store a chunk of samples; False when the same one is already there. Raises Refused, Conflict.

    What cannot be read as samples is refused before anything is stored. The file is written before its row and under
    a name made of its digest, so a crash between the two leaves at worst an unused file, never a row without its file.
    """
    if hashlib.sha256(body).hexdigest() != digest:
        raise Refused("digest_mismatch", f"Chunk {sequence} does not have the digest it was sent with; send it again.")
    with transaction.atomic():
        row = held(job=job, attempt=attempt, token=token)
        path = f"samples/{row.submission_id}/{job}-{attempt}-{sequence:05d}-{digest[:16]}.jsonl.gz"
    place = {"job_id": job, "attempt": attempt, "sequence": sequence}
    known = SampleChunk.objects.filter(**place).first()
    if known is not None:
        if known.digest != digest:
            raise Conflict("chunk_differs", f"Chunk {sequence} of this attempt was already sent with other content.")
        return False
    found = samples_in(body, sequence, row.submission.suite.tasks.values_list("task", flat=True))
    counts = {"samples": found.total, "tasks": found.tasks, "unextracted": found.unextracted}
    path = keep(path, body)
    try:
        with transaction.atomic():
            held(job=job, attempt=attempt, token=token)
            SampleChunk.objects.create(**place, digest=digest, path=path, size=len(body), **counts)
    except IntegrityError as error:
        winner = SampleChunk.objects.get(**place)
        if winner.path != path:
            discard(path)
        if winner.digest == digest:
            return False  # the same call, sent twice at once
        raise Conflict("chunk_differs", f"Chunk {sequence} is being sent with two contents.") from error
    return True


def samples_in(body: bytes, sequence: int, tasks: Iterable[str]) -> chunks.Tally:
    """What a chunk holds for each of the suite's tasks; raises Refused."""
    try:
        return chunks.tally(body, tasks, limit=site.CHUNK_LIMIT)
    except chunks.TooLarge as error:
        raise Refused("chunk_too_large", f"Chunk {sequence} is too large. {error}") from error
    except chunks.Unreadable as error:
        raise Refused("chunk_unreadable", f"Chunk {sequence} cannot be read. {error}") from error


@transaction.atomic
def record_results(*, job: int, token: str, results: Results) -> bool:
    """Store a job's results and end it, in one transaction; False when exactly these are already stored.

    Raises Conflict for a stale attempt or different results, Refused when they do not fit the suite or lack chunks.
    """
    digest = hashlib.sha256(canonical_json(msgspec.to_builtins(results))).hexdigest()
    row = locked(job=job)
    if (row.state, row.attempt, row.results_digest) == (Job.State.DONE, results.attempt, digest):
        return False
    check_held(row, attempt=results.attempt, token=token)
    if row.kind == Job.Kind.SHARD:
        shards.end(job=row, results=results, digest=digest)
        return True
    if row.kind == Job.Kind.PREFLIGHT:
        raise Refused("wrong_kind", "This job only looks at an endpoint; it has no results.")
    note_spent(row, results.spent)
    if row.cancel_requested:  # its owner was told that it is being cancelled
        end_cancelled(job=row, actor=f"worker {row.worker}", reason="cancelled by its owner")
        return True
    if len(canonical_json(results.provenance)) > PROVENANCE_LIMIT:
        raise Refused("bad_result", f"The provenance has more than {PROVENANCE_LIMIT:,} characters.")
    check_chunks(row, results)
    tasks = check_tasks(row, results)
    actor = f"worker {row.worker}"
    if row.kind == Job.Kind.SHARE:
        end_job(row, actor, digest, results)
        share.settle(job=row, results=results, actor=actor)
        return True
    lock_item_sets(alone=False)
    lost = unextracted(row)
    for result in results.tasks:
        store(row, tasks[result.task], result, lost.get(result.task))
    provenance = {
        **storable(results.provenance),
        "load_seconds": results.load_seconds,
        "evaluation_seconds": results.evaluation_seconds,
        **shards.told(row),
    }
    source = row.submission.rescored_from
    provenance = carried(source, provenance) if source else provenance
    end_job(row, actor, digest, results)
    move_submission(submission=row.submission_id, before="running", after="scoring", actor=actor, provenance=provenance)
    ring.enqueue(kind=Outbox.Kind.SCORE, subject=row.submission_id)
    return True


def end_job(job: Job, actor: str, digest: str, results: Results) -> None:
    """Its results are here; its last items may have been done since the last heartbeat, and an attempt that only
    went on from another one's responses may have had none."""
    total = job.total or sum(result.n for result in results.tasks)
    move_job(
        job=job, before="running", after="done", actor=actor, digest=digest,
        results_digest=digest, phase="", done=total, total=total,
    )  # fmt: skip


def check_chunks(job: Job, results: Results) -> None:
    """Raise Refused unless exactly the listed chunks, 0, 1, 2 ..., have arrived, with as many samples."""
    listed = {chunk.sequence: chunk.digest for chunk in results.chunks}
    rows = SampleChunk.objects.filter(job=job, attempt=job.attempt)
    stored = {row.sequence: row.digest for row in rows}
    if listed != stored or sorted(listed) != list(range(len(results.chunks))):
        raise Refused(
            "chunks_missing",
            f"The results list {len(results.chunks)} chunks of samples, {len(stored)} have arrived for this attempt, "
            "and they must be the same ones: send the missing chunks first.",
        )
    counts = {row.sequence: row.samples for row in rows}
    for chunk in results.chunks:
        if chunk.samples != counts[chunk.sequence]:
            raise Refused(
                "wrong_samples",
                f"The results say that chunk {chunk.sequence} holds {chunk.samples} samples; "
                f"it holds {counts[chunk.sequence]}.",
            )


def check_tasks(job: Job, results: Results) -> dict[str, SuiteTask]:
    """The tasks that were asked for, by name; raises Refused unless the results hold each once, with its metric and
    sane numbers."""
    tasks = {
        task.task: task
        for task in job.submission.suite.tasks.all()
        if job.kind != Job.Kind.SHARE or task.task in job.share
    }
    if sorted(result.task for result in results.tasks) != sorted(tasks):
        raise Refused("wrong_tasks", f"The results must hold each of these tasks once: {', '.join(sorted(tasks))}.")
    for result in results.tasks:
        task = tasks[result.task]
        if (result.metric, result.filter) != (task.metric, task.filter):
            raise Refused("wrong_metric", f"{task.task} is scored by {task.metric} ({task.filter}).")
        problem = nonsense(result)
        if problem:
            raise Refused("bad_result", f"{task.task}: {problem}.")
    return tasks


def nonsense(result: TaskResult) -> str:
    """Why a result cannot be stored, or "". Numbers out of range can be: the scorer quarantines them."""
    if result.score is None:
        if result.n or result.item_hashes or result.item_scores:
            return "a task without a score has no items"
        return "" if result.unavailable else "a task without a score needs the reason"
    if result.unavailable:
        return "a task with a score has no reason to be unavailable"
    numbers = [result.score, *result.item_scores, *([] if result.stderr is None else [result.stderr])]
    if not all(math.isfinite(number) and abs(number) <= LARGEST for number in numbers):
        return "scores must be finite numbers"
    if not len(result.item_hashes) == len(result.item_scores) == result.n > 0:
        return "there must be one hash and one score for each of the n items"
    if any(len(item) != 64 or set(item) - set("0123456789abcdef") for item in result.item_hashes):
        return "item hashes are 64 lower-case hex digits"
    return ""


def lock_item_sets(*, alone: bool) -> None:
    """Keep every item set until the caller's transaction ends, together with others who record results, or `alone`.

    The purge removes sets that no result uses any more: it must not see one between being found and being used.
    """
    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(hashtext('item sets'), 0)")


def unextracted(job: Job) -> dict[str, int]:
    """Of tasks that read an answer out of a text, how many samples of this attempt had none."""
    found: dict[str, int] = {}
    for counts in SampleChunk.objects.filter(job=job, attempt=job.attempt).values_list("unextracted", flat=True):
        for task, count in counts.items():
            found[task] = found.get(task, 0) + count
    return found


def store(job: Job, task: SuiteTask, result: TaskResult, lost: int | None) -> None:
    """One result row, sharing its item set with every result over the same items. `lost`: samples without an answer."""
    items = None
    if result.score is not None:
        hashes = bytes.fromhex("".join(result.item_hashes))
        items, _ = ItemSet.objects.get_or_create(
            digest=hashlib.sha256(hashes).hexdigest(), defaults={"n": result.n, "hashes": hashes}
        )
    Result.everything.create(
        submission_id=job.submission_id,
        task=task,
        job=job,
        attempt=job.attempt,
        score=result.score,
        stderr=result.stderr,
        n=result.n,
        unavailable=storable(result.unavailable),
        unextracted=lost,
        items=items,
        item_scores=np.asarray(result.item_scores, dtype="<f4").tobytes(),
    )


@transaction.atomic
def record_failure(*, job: int, token: str, failure: Failure) -> bool:
    """End an attempt that brought no result; False when this attempt has already been ended (a repeated call)."""
    row = locked(job=job)
    if row.attempt == failure.attempt and row.state != Job.State.RUNNING:
        return False
    check_held(row, attempt=failure.attempt, token=token)
    actor = f"worker {row.worker}"
    note_spent(row, failure.spent)
    if failure.log:
        Job.everything.filter(pk=row.pk).update(log=newest(failure.log, LOG_LIMIT))
    if row.cancel_requested or failure.kind == "cancelled":
        end_cancelled(job=row, actor=actor, reason="cancelled by its owner")
        return True
    message = newest(failure.message, MESSAGE_LIMIT)
    if failure.kind == "released":
        requeue(job=row, actor=actor, reason="released by its worker", wait=timedelta(), losses=row.losses)
        return True
    if failure.kind == "budget" and row.kind == Job.Kind.EVALUATION and row.queue == "api":
        pause(job=row, before="running", actor=actor, code="budget", message=message)
        return True
    retry = failure.kind == "platform"
    requeue_or_fail(job=row, actor=actor, code=storable(failure.code)[:60], message=message, retry=retry)
    return True
