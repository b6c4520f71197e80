"""Two calls about one submission at the same moment: one wins, the other is told so, nobody gets a server error."""

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now

from evaluator.contract import ClaimRequest, JobSpec, Results, TaskResult
from leaderboard.actions import cancel as cancelling
from leaderboard.actions import lease, record
from leaderboard.actions import submit as submitting
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.models import Job, Owner, Result, Submission, Suite, WorkerToken
from tests import samples
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Submission]
HASHES = ("0" * 64, "1" * 64)
REQUEST = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))


def results() -> Results:
    def cell(task: str, metric: str, filter_: str) -> TaskResult:
        return TaskResult(
            task=task, metric=metric, filter=filter_, score=0.5, stderr=0.5, n=2, item_hashes=HASHES,
            item_scores=(0.0, 1.0),
        )  # fmt: skip

    tasks = (cell("alpha", "acc", "none"), cell("beta", "exact_match", "strict"))
    return Results(attempt=1, tasks=tasks, chunks=(), provenance={}, load_seconds=1.0, evaluation_seconds=1.0)


def unexpected(outcomes: list[Any]) -> list[Any]:
    return [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, Refused)]


@pytest.fixture
def held(make_submission: Make, worker_token: WorkerToken, files: Path) -> JobSpec:
    make_submission()
    spec = lease.claim(token=worker_token, request=REQUEST)
    assert spec is not None
    return spec


def slowed(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> threading.Event:
    """Let `module.name` pause at its start: what has locked the job so far meets a cancellation there."""
    reached, stock = threading.Event(), getattr(module, name)

    def slow(**arguments: Any) -> None:
        reached.set()
        time.sleep(0.4)
        stock(**arguments)

    monkeypatch.setattr(module, name, slow)
    return reached


def cancel_after(reached: threading.Event, owner: Owner) -> Callable[[], Submission]:
    def call() -> Submission:
        assert reached.wait(5)
        return cancelling.cancel(submission=Submission.objects.get().pk, owner=owner)

    return call


def test_cancelling_while_results_arrive_is_no_deadlock(
    held: JobSpec, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = slowed(monkeypatch, record, "move_job")
    post = lambda: record.record_results(job=held.job, token=held.token, results=results())  # noqa: E731
    outcomes = together(post, cancel_after(reached, owner))
    assert not unexpected(outcomes)
    assert Submission.objects.get().state in {"scoring", "cancelled"}


def test_cancelling_while_a_worker_claims_is_no_deadlock(
    make_submission: Make, worker_token: WorkerToken, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_submission()
    reached = slowed(monkeypatch, lease, "move_job")
    claim = lambda: lease.claim(token=worker_token, request=REQUEST)  # noqa: E731
    outcomes = together(claim, cancel_after(reached, owner))
    assert not unexpected(outcomes)


def test_cancelling_while_a_lease_expires_is_no_deadlock(
    held: JobSpec, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    Job.objects.update(lease_expires_at=Now() - lease.timedelta(seconds=1))
    reached = slowed(monkeypatch, lease, "move_job")
    outcomes = together(lease.expire_leases, cancel_after(reached, owner))
    assert not unexpected(outcomes)


def test_the_same_results_twice_at_once_are_both_taken_for_stored(held: JobSpec) -> None:
    """A client that timed out repeats the call while the first is still at work: that is no lost lease."""
    calls = [lambda: record.record_results(job=held.job, token=held.token, results=results())] * 4
    outcomes = together(*calls)
    assert Result.objects.count() == 2
    assert sorted(map(str, outcomes)) == ["False", "False", "False", "True"]


def test_the_same_chunk_twice_at_once_is_no_lost_lease(held: JobSpec) -> None:
    """The worker takes any 409 for a lost lease and throws the whole evaluation away."""
    body = samples.packed([samples.sample()])
    digest = hashlib.sha256(body).hexdigest()

    def post() -> bool:
        return record.record_chunk(job=held.job, attempt=1, token=held.token, sequence=0, digest=digest, body=body)

    outcomes = together(*[post] * 6)
    assert sorted(map(str, outcomes)) == ["False"] * 5 + ["True"]


def test_the_same_chunk_twice_at_once_leaves_one_file(held: JobSpec, files: Path) -> None:
    body = samples.packed([samples.sample()])
    digest = hashlib.sha256(body).hexdigest()

    def post() -> bool:
        return record.record_chunk(job=held.job, attempt=1, token=held.token, sequence=0, digest=digest, body=body)

    together(*[post] * 6)
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1


def test_chunks_of_one_sequence_with_different_bodies_leave_one(held: JobSpec, files: Path) -> None:
    def post(number: int) -> bool:
        body = samples.packed([samples.sample(doc_id=number)])
        digest = hashlib.sha256(body).hexdigest()
        return record.record_chunk(job=held.job, attempt=1, token=held.token, sequence=0, digest=digest, body=body)

    outcomes = together(*[lambda number=number: post(number) for number in range(6)])
    assert [one for one in outcomes if one is True] == [True]
    assert not unexpected(outcomes)
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1


def test_a_duplicate_that_ends_at_the_same_moment_is_no_server_error(
    owner: Owner, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live submission that the constraint met may be over when it is looked for."""
    again = {"owner": owner, "submitter": owner.user, "suite": suite.slug, "model": "org/model"}
    first = submitting.submit(**again)
    stock = Submission.everything.create

    def create(**values: Any) -> Submission:
        try:
            return stock(**values)
        finally:
            with ThreadPoolExecutor(1) as pool:  # its owner cancels it, by another connection
                pool.submit(
                    lambda: (cancelling.cancel(submission=first.pk, owner=owner), connections.close_all())
                ).result()

    monkeypatch.setattr(Submission.everything, "create", create)
    with pytest.raises(Conflict):
        submitting.submit(**again)


def test_many_claims_of_one_job_give_it_to_one(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    outcomes = together(*[lambda: lease.claim(token=worker_token, request=REQUEST)] * 8)
    assert not unexpected(outcomes)
    assert len([one for one in outcomes if one is not None]) == 1
    assert Job.objects.get().attempt == 1
