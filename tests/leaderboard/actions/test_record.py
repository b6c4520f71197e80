import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from django.db.models.functions import Now

from evaluator.contract import Chunk, ClaimRequest, Heartbeat, JobSpec, Results, TaskResult
from leaderboard.actions import lease, record
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.actions.score import score
from leaderboard.models import ItemSet, Job, Outbox, Result, SampleChunk, Snapshot, Submission, WorkerToken
from leaderboard.queries.submissions import detail
from tests import samples
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]

BODY = samples.packed([samples.sample()])
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def held(make_submission: Make, worker_token: WorkerToken, files: Path) -> JobSpec:
    make_submission()
    request = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))
    spec = lease.claim(token=worker_token, request=request)
    assert spec is not None
    return spec


def task(named: str, scored_by: str, filter_: str, scores: tuple[float, ...], **changes: Any) -> TaskResult:
    hashes = tuple(hashlib.sha256(f"{named}{number}".encode()).hexdigest() for number in range(len(scores)))
    result = TaskResult(
        task=named, metric=scored_by, filter=filter_, score=sum(scores) / len(scores), stderr=0.1, n=len(scores),
        item_hashes=hashes, item_scores=scores,
    )  # fmt: skip
    return msgspec.structs.replace(result, **changes)


def results(*, chunks: tuple[Chunk, ...] = (), **changes: Any) -> Results:
    alpha = task("alpha", "acc", "none", (1.0, 0.0, 1.0, 0.0), **changes)
    beta = task("beta", "exact_match", "strict", (1.0, 0.0))
    return Results(
        attempt=1, tasks=(alpha, beta), chunks=chunks, provenance={"engine": "vllm"}, load_seconds=1.0,
        evaluation_seconds=2.0,
    )  # fmt: skip


def post_chunk(spec: JobSpec, sequence: int = 0, body: bytes = BODY, digest: str | None = None) -> bool:
    return record.record_chunk(
        job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence,
        digest=hashlib.sha256(body).hexdigest() if digest is None else digest, body=body,
    )  # fmt: skip


def test_a_chunk_is_stored_once(held: JobSpec, files: Path) -> None:
    assert post_chunk(held)
    assert not post_chunk(held)
    row = SampleChunk.objects.get()
    assert (files / row.path).read_bytes() == BODY


def test_a_chunk_with_another_digest_is_refused(held: JobSpec, files: Path) -> None:
    with pytest.raises(Refused, match="send it again"):
        post_chunk(held, digest="0" * 64)
    post_chunk(held)
    with pytest.raises(Conflict):
        post_chunk(held, body=samples.packed([samples.sample(doc_id=1)]))
    assert SampleChunk.objects.count() == 1


def test_a_chunk_of_a_stale_attempt_is_refused(held: JobSpec) -> None:
    stale = msgspec.structs.replace(held, attempt=2)
    with pytest.raises(Conflict):
        post_chunk(stale)


def test_results_end_the_job_and_ring_the_scorer(held: JobSpec) -> None:
    post_chunk(held)
    posted = results(chunks=(Chunk(sequence=0, digest=DIGEST, samples=1),))
    assert record.record_results(job=held.job, token=held.token, results=posted)
    job = Job.objects.get()
    assert (job.state, job.submission.state) == ("done", "scoring")
    assert Outbox.objects.get(kind="score").subject == job.submission_id
    alpha = Result.objects.get(task__task="alpha")
    assert np.frombuffer(alpha.item_scores, dtype="<f4").tolist() == [1.0, 0.0, 1.0, 0.0]
    assert alpha.items is not None
    assert len(alpha.items.hashes) == 4 * 32


def test_all_items_are_done_then_whatever_the_last_heartbeat_said(held: JobSpec) -> None:
    beat = Heartbeat(attempt=held.attempt, phase="evaluating", done=3, total=4)
    lease.heartbeat(job=held.job, token=held.token, beat=beat)
    assert record.record_results(job=held.job, token=held.token, results=results())
    job = Job.objects.get(pk=held.job)
    assert (job.state, job.done, job.total) == ("done", 4, 4)


def test_an_attempt_after_a_lost_one_has_done_its_items_though_it_told_of_none(
    held: JobSpec, worker_token: WorkerToken
) -> None:
    """It went on from the other one's responses, and was through before its first heartbeat."""
    made.beat(held, done=3, total=6)
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert lease.expire_leases() == 1
    Job.objects.update(not_before=Now())
    spec = made.claim(worker_token)
    assert (Job.objects.get().done, Job.objects.get().total) == (0, 0)
    body = samples.packed(samples.agreeing(results().tasks))
    post_chunk(spec, body=body)
    again = msgspec.structs.replace(results(chunks=(samples.listed(body, samples=6),)), attempt=2)
    assert record.record_results(job=spec.job, token=spec.token, results=again)
    progress = detail(Submission.objects.get().pk).progress
    assert (progress.done, progress.total) == (6, 6)


def test_the_same_results_again_change_nothing_and_others_are_refused(held: JobSpec) -> None:
    assert record.record_results(job=held.job, token=held.token, results=results())
    assert not record.record_results(job=held.job, token=held.token, results=results())
    with pytest.raises(Conflict):
        record.record_results(job=held.job, token=held.token, results=results(stderr=0.2))
    assert Result.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"score": float("nan")}, "bad_result"),
        ({"item_scores": (1.0,)}, "bad_result"),
        ({"item_hashes": ("x" * 64,) * 4}, "bad_result"),
        ({"score": None}, "bad_result"),
        ({"unavailable": "why"}, "bad_result"),
        ({"metric": "f1"}, "wrong_metric"),
        ({"task": "gamma"}, "wrong_tasks"),
    ],
)
def test_results_that_do_not_fit_are_refused_and_nothing_is_half_saved(
    held: JobSpec, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        record.record_results(job=held.job, token=held.token, results=results(**changes))
    assert refusal.value.code == code
    assert not Result.objects.exists()
    assert not ItemSet.objects.exists()
    assert Job.objects.get().state == "running"


def test_results_wait_for_their_chunks(held: JobSpec) -> None:
    posted = results(chunks=(Chunk(sequence=0, digest=DIGEST, samples=1),))
    with pytest.raises(Refused, match="missing chunks"):
        record.record_results(job=held.job, token=held.token, results=posted)


def test_scoring_ranks_and_a_second_bell_does_nothing(held: JobSpec) -> None:
    samples.finish(held, results().tasks)
    submission = Submission.objects.get()
    score(submission=submission.pk)
    score(submission=submission.pk)
    submission.refresh_from_db()
    assert submission.state == "succeeded"
    assert submission.score == pytest.approx(50.0)
    assert submission.stderr == pytest.approx(100 * (2 * 0.1**2) ** 0.5 / 2)
    (row,) = made.rows("tiny@1")
    assert (row.rank, row.rank_low, row.rank_high, row.unranked_reason) == (1, 1, 1, "")
    assert row.tasks["alpha"] == {
        "score": 0.5, "stderr": 0.1, "n": 4, "metric": "acc", "filter": "none", "unavailable": "",
    }  # fmt: skip
    assert Snapshot.objects.count() == 1
    assert not Outbox.objects.filter(kind="score").exists()


def test_a_task_that_could_not_be_measured_leaves_the_row_unranked_with_the_reason(held: JobSpec) -> None:
    missing = {
        "score": None, "stderr": None, "n": 0, "item_hashes": (), "item_scores": (), "unavailable": "No data.",
    }  # fmt: skip
    samples.finish(held, results(**missing).tasks)
    score(submission=Submission.objects.get().pk)
    (row,) = made.rows("tiny@1")
    assert (row.rank, row.score) == (None, None)
    assert "Alpha: No data." in row.unranked_reason
    assert Submission.objects.get().state == "succeeded"
