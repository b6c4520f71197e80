"""Boards and submissions in every state, made without workers: what tests of queries, pages and the browser look at."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.db import connection
from django.utils import timezone

from evaluator.contract import (
    ClaimRequest,
    Failure,
    Heartbeat,
    JobSpec,
    Settings,
    SuiteSpec,
    TaskSpec,
    encode,
)
from evaluator.hub import PinnedModel
from leaderboard.actions import lease
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.record import record_failure
from leaderboard.actions.score import score as score_submission
from leaderboard.actions.submit import submit
from leaderboard.actions.validate import accept
from leaderboard.models import (
    Event,
    Job,
    Model,
    Owner,
    Result,
    Revision,
    Snapshot,
    Submission,
    Suite,
    WorkerToken,
)
from leaderboard.queries.rows import Row, rows_of
from leaderboard.queries.snapshots import columns_of
from tests import samples

Make = Callable[..., Submission]
REASON = "Not every task could be measured. Alpha: No data."


def succeed(
    row: Submission,
    score: float | None,
    *,
    stderr: float | None = 1.0,
    reason: str = "",
    tasks: Mapping[str, float | None] | None = None,
) -> Submission:
    """End `row` with a suite score, each task scored alike unless `tasks` says otherwise; None is not measured."""
    row.jobs.filter(attempt=0).update(attempt=1)
    for task in row.suite.tasks.all():
        measured = (tasks or {}).get(task.task, None if score is None else score / 100)
        Result.objects.create(
            submission=row, task=task, job=row.jobs.get(), attempt=row.jobs.get().attempt, score=measured,
            stderr=None if measured is None else 0.01, n=0 if measured is None else 4,
            unavailable="No data." if measured is None else "",
        )  # fmt: skip
    return end(row, "succeeded", score=score, stderr=None if score is None else stderr, unranked_reason=reason)


def measure(
    row: Submission,
    token: WorkerToken,
    scores: list[float],
    changes: Mapping[int, Mapping[str, Any]] | None = None,
    *,
    each: int = 7,
) -> Submission:
    """Let a worker measure `row`, the oldest that waits, with these scores of alpha, and score it.

    `changes` are what is different in samples of alpha; `each` samples make a chunk.
    """
    results = [samples.measured("alpha", scores), samples.BETA]
    found = samples.agreeing(results)
    for number, changed in (changes or {}).items():
        found[number] = msgspec.structs.replace(found[number], **changed)
    samples.finish(claim(token), results, found, each=each)
    score_submission(submission=row.pk)
    row.refresh_from_db()
    return row


def lengths_suite() -> Suite:
    """A suite of RULER at three lengths, and a task of another kind."""
    names = ("ruler_4096", "ruler_8192", "ruler_16384", "ruler_vt")
    tasks = tuple(TaskSpec(task=name, title=name.upper(), metric=name.removeprefix("ruler_")) for name in names)
    spec = SuiteSpec(name="lengths", version=1, title="Lengths", tasks=tasks)
    return release(spec, json.loads(encode(spec)), None)


def at_lengths(make: Make, suite: Suite, scores: Mapping[str, float | None], name: str = "org/model") -> Submission:
    """An evaluation on `lengths_suite` with these scores by length; the others were not measured."""
    row = make(name, sha=f"{Submission.objects.count():040x}")
    Submission.objects.filter(pk=row.pk).update(suite=suite)
    row.refresh_from_db()
    every = {task.task: scores.get(task.metric) for task in suite.tasks.all()}
    return succeed(row, None, reason=REASON, tasks=every)


def end(row: Submission, state: str, **changes: object) -> Submission:
    """Put `row` into a final state, with its job, and tell the timeline."""
    now = timezone.now()
    Submission.objects.filter(pk=row.pk).update(state=state, started_at=now, finished_at=now, **changes)
    job_state = "done" if state in {"succeeded", "quarantined", "retracted"} else "cancelled"
    row.jobs.filter(state__in=["queued", "running"]).update(state=job_state, lease_expires_at=None, token_digest="")
    Event.objects.create(submission=row, actor="tester", before="running", after=state, reason="told by a test")
    row.refresh_from_db()
    return row


def ranked(make: Make, suite: Suite) -> dict[str, Submission]:
    """A ranking: two rows that tie, a proprietary one behind them, and one without a score."""
    rows = {
        "org/best": succeed(make("org/best"), 80.0),
        "org/tied": succeed(make("org/tied"), 79.5),
        "other/last": succeed(make("other/last"), 20.0),
        "other/none": succeed(make("other/none"), None, reason=REASON),
    }
    Model.objects.filter(name="other/last").update(kind="proprietary")
    build_snapshot(suite=suite)
    return rows


def many(make: Make, suite: Suite, number: int) -> Snapshot:
    """A ranking of `number` rows, best first: org/m000, org/m001 ..."""
    first = make("org/m000")
    names = [f"org/m{index:03}" for index in range(1, number)]
    models = Model.objects.bulk_create(Model(name=name) for name in names)
    revisions = Revision.objects.bulk_create(Revision(model=model, sha="b" * 40, source="mirror") for model in models)
    common = {field: getattr(first, field) for field in ("owner", "submitter", "suite", "settings", "settings_digest")}
    submissions = Submission.objects.bulk_create(
        Submission(
            requested_model=revision.model.name, revision=revision, state="succeeded", score=90 - place / 10,
            stderr=1.0, **common,
        )
        for place, revision in enumerate(revisions, start=2)
    )  # fmt: skip
    end(first, "succeeded", score=89.9, stderr=1.0)
    job = first.jobs.get()
    Result.objects.bulk_create(
        Result(submission=row, task=task, job=job, attempt=0, score=0.5, stderr=0.01, n=4)
        for row in (first, *submissions)
        for task in suite.tasks.all()
    )
    return build_snapshot(suite=suite)


def rows(slug: str) -> list[Row]:
    """The newest ranking of a suite, in its order."""
    snapshot = Snapshot.objects.filter(suite__slug=slug).select_related("suite").latest("id")
    data = columns_of(snapshot)
    return rows_of(data, data.order("rank", descending=False), snapshot.suite.tasks.all())


def pinned(row: Submission) -> PinnedModel:
    """What the Hub could say of the model that `row` asks for."""
    return PinnedModel(
        name=row.requested_model, sha="c" * 40, source="mirror", folder=None, licence="mit", parameters=135_000_000,
        active_parameters=None, architecture="LlamaForCausalLM", model_type="llama", context_length=2048,
        dtype="bfloat16", chat_template=False, gated=False, size_bytes=1, base_model=None, modalities=("text",),
        created=None, needs_remote_code=False,
    )  # fmt: skip


def split(row: Submission, shards: int) -> Submission:
    """Make a waiting submission one of several jobs."""
    row.jobs.update(shards=shards)
    job = row.jobs.get()
    for number in range(1, shards):
        Job.objects.create(
            submission=row, kind="shard", shard=number, shards=shards, queue=job.queue, engine=job.engine,
            not_before=job.not_before, turn=job.turn,
        )  # fmt: skip
    return row


def claim(token: WorkerToken, worker: str = "w1", edition: int = 1) -> JobSpec:
    """What a worker gets that asks for a job."""
    request = ClaimRequest(worker=worker, queues=("cpu",), engines=("vllm", "transformers"), edition=edition)
    spec = lease.claim(token=token, request=request)
    assert spec is not None
    return spec


def beat(spec: JobSpec, *, done: int = 0, total: int = 0, phase: str = "evaluating", log: str = "") -> None:
    """Report progress, as the worker that holds the job."""
    told = Heartbeat(attempt=spec.attempt, phase=phase, done=done, total=total, log=log)  # type: ignore[arg-type]
    lease.heartbeat(job=spec.job, token=spec.token, beat=told)


def failed(owner: Owner, token: WorkerToken, *, model: str = "org/model", **request: Any) -> Submission:
    """A submission of `owner`'s whose model failed, by the real actions all the way."""
    assert owner.user
    row = submit(owner=owner, submitter=owner.user, suite="tiny@1", model=model, **request)
    accept(row, pinned(row))
    spec = claim(token)
    told = Failure(attempt=spec.attempt, kind="model", code="bad_weights", message="It said why.", log="its last lines")
    record_failure(job=spec.job, token=spec.token, failure=told)
    row.refresh_from_db()
    return row


def validating(row: Submission) -> Submission:
    """Take `row` back to before its revision was pinned."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL parity.purge = 'on'")  # what was accepted is kept otherwise
        row.jobs.all().delete()
        cursor.execute("SET LOCAL parity.purge = 'off'")
    Submission.objects.filter(pk=row.pk).update(state="validating", revision=None)
    row.refresh_from_db()
    return row


def in_state(state: str, make: Make, token: WorkerToken) -> Submission:
    """A submission in `state`, by the real actions as far as they lead there without a worker's results."""
    row = make("org/model", settings=Settings(dtype="float32"))
    if state == "validating":
        return validating(row)
    if state in {"running", "scoring"}:
        beat(claim(token), done=3, total=12, log="loading weights")
    if state == "scoring":
        Job.objects.filter(submission=row).update(state="done", lease_expires_at=None, phase="")
        Submission.objects.filter(pk=row.pk).update(state="scoring")
    elif state == "succeeded":
        succeed(row, 61.25, stderr=1.5)
        build_snapshot(suite=row.suite)
    elif state not in {"queued", "running"}:
        end(row, state, error_message="It said why.")
    row.refresh_from_db()
    return row
