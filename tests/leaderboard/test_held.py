"""What is locked while somebody acts, seen from another connection, and what nobody may do in between.

`make guards` takes each of these guards away in turn; here is what each of them is for.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models.functions import Now
from msgspec.structs import replace

from evaluator.contract import EDITION, ClaimRequest, Heartbeat, JobSpec
from leaderboard.actions import cancel as cancelling
from leaderboard.actions import lease, record, ring
from leaderboard.actions import score as scoring
from leaderboard.actions.accounts import register_worker_token
from leaderboard.actions.errors import Conflict
from leaderboard.models import Job, Outbox, Owner, SampleChunk, Submission, Worker, WorkerToken
from tests import samples

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Submission]
T = TypeVar("T")
ALPHA = samples.measured("alpha", [1.0, 0.0])


def request(worker: str = "w") -> ClaimRequest:
    return ClaimRequest(worker=worker, queues=("cpu",), engines=("vllm",))


def elsewhere(call: Callable[[], T]) -> T:
    """What `call` returns over another connection, which waits for a lock for a second at most."""

    def with_own_connection() -> T:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout TO '1s'")
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(with_own_connection).result(30)


def free(model: type[Job] | type[Submission], pk: int) -> bool:
    """Whether nobody holds this row."""

    def take() -> bool:
        try:
            with transaction.atomic():
                model.everything.select_for_update(nowait=True, of=("self",)).get(pk=pk)
        except OperationalError:
            return False
        return True

    return elsewhere(take)


def watched(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, look: Callable[[], T]) -> list[T]:
    """Let `module.name` look around before it does its work; gives what was seen."""
    stock, seen = getattr(module, name), list[T]()

    def looking(*arguments: Any, **named: Any) -> Any:
        seen.append(look())
        return stock(*arguments, **named)

    monkeypatch.setattr(module, name, looking)
    return seen


@pytest.fixture
def held(make_submission: Make, worker_token: WorkerToken, files: Path) -> JobSpec:
    make_submission()
    spec = lease.claim(token=worker_token, request=request())
    assert spec is not None
    return spec


def test_a_claim_does_not_wait_behind_a_job_that_somebody_is_taking(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    first, second = (make_submission(f"org/m{number}").jobs.get() for number in range(2))
    with transaction.atomic():
        Job.everything.select_for_update().get(pk=first.pk)
        spec = elsewhere(lambda: lease.claim(token=worker_token, request=request()))
    assert spec is not None and spec.job == second.pk


def test_a_job_is_held_from_being_found_until_it_is_given(
    make_submission: Make, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_submission().jobs.get().pk
    assert free(Job, job)
    seen = watched(monkeypatch, lease, "spec_of", lambda: free(Job, job))
    assert lease.claim(token=worker_token, request=request()) is not None
    assert seen == [False]


def test_what_runs_is_given_to_nobody_else(held: JobSpec, worker_token: WorkerToken) -> None:
    assert lease.claim(token=worker_token, request=request("another")) is None


def test_what_is_taken_has_no_bell(make_submission: Make, worker_token: WorkerToken) -> None:
    job = make_submission().jobs.get()
    with transaction.atomic():
        ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue="cpu", delay=timedelta(hours=1))
    assert lease.claim(token=worker_token, request=request()) is not None
    assert not Outbox.objects.exists()


def test_a_drained_worker_gets_nothing_new(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    lease.introduce(token=worker_token, request=request())
    Worker.objects.update(drained_at=Now())
    assert lease.claim(token=worker_token, request=request()) is None
    assert lease.claim(token=worker_token, request=request("another")) is not None


def test_what_is_scored_anew_goes_to_trusted_workers_only(make_submission: Make) -> None:
    old, new = make_submission("org/a"), make_submission("org/b", sha="b" * 40)
    Submission.everything.filter(pk=new.pk).update(rescored_from=old)
    untrusted, newest = (
        register_worker_token(name="new", token="new", trusted=False),
        replace(request(), edition=EDITION),
    )
    spec = lease.claim(token=untrusted, request=newest)
    assert spec is not None and spec.job == old.jobs.get().pk
    assert lease.claim(token=untrusted, request=newest) is None


def test_an_attempt_is_held_while_its_worker_is_answered(held: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch, lease, "note_spent", lambda: free(Job, held.job))
    lease.heartbeat(job=held.job, token=held.token, beat=Heartbeat(attempt=1, phase="loading"))
    assert seen == [False]
    assert free(Job, held.job)


def test_a_job_that_does_not_run_is_held_by_nobody(held: JobSpec) -> None:
    """Not even by whoever has its newest token."""
    row = Job.everything.get(pk=held.job)
    row.state = Job.State.PAUSED
    with pytest.raises(Conflict):
        lease.check_held(row, attempt=held.attempt, token=held.token)


def test_phases_go_forwards_whatever_order_heartbeats_come_in(held: JobSpec) -> None:
    for phase in ("evaluating", "loading"):
        beat = Heartbeat(attempt=1, phase=phase)  # type: ignore[arg-type]
        lease.heartbeat(job=held.job, token=held.token, beat=beat)
    assert Job.everything.get().phase == "evaluating"


def test_a_lease_that_was_renewed_meanwhile_is_not_taken(held: JobSpec) -> None:
    """The reconciler reads which leases are out, and then takes one after the other."""
    assert lease.expire(job=held.job) is False
    assert lease.fail_overtime(job=held.job) is False
    assert Job.everything.get().state == "running"


def test_the_reconciler_does_not_wait_behind_a_worker(held: JobSpec) -> None:
    Job.everything.update(lease_expires_at=Now() - timedelta(seconds=1))
    with transaction.atomic():
        Job.everything.select_for_update().get(pk=held.job)
        assert elsewhere(lambda: lease.expire(job=held.job)) is False
    assert lease.expire(job=held.job) is True


def test_the_jobs_of_what_is_cancelled_are_held(
    make_submission: Make, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_submission()
    job = made.jobs.get().pk
    seen = watched(monkeypatch, cancelling, "move_job", lambda: free(Job, job))
    cancelling.cancel(submission=made.pk, owner=owner)
    assert seen == [False]


def test_a_chunk_whose_attempt_ends_while_it_is_written_is_not_kept(
    held: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end() -> int:
        Job.everything.update(lease_expires_at=Now() - timedelta(seconds=1))
        return lease.expire_leases()

    assert watched(monkeypatch, record, "keep", end) == []
    with pytest.raises(Conflict):
        samples.post(held, samples.packed([samples.sample()]))
    assert not SampleChunk.objects.exists()


def test_what_is_cancelled_while_its_samples_are_read_stays_cancelled(
    held: JobSpec, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.finish(held, [ALPHA, samples.BETA])
    made = Submission.everything.get()
    watched(monkeypatch, scoring, "verdict_on", lambda: cancelling.cancel(submission=made.pk, owner=owner))
    scoring.score(submission=made.pk)
    made.refresh_from_db()
    assert (made.state, made.score) == ("cancelled", None)


def test_a_submission_is_held_while_its_score_is_put_together(held: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    samples.finish(held, [ALPHA, samples.BETA])
    made = Submission.everything.get()
    seen = watched(monkeypatch, scoring, "total_of", lambda: free(Submission, made.pk))
    scoring.score(submission=made.pk)
    assert seen == [False]


def test_what_an_untrusted_worker_measured_is_not_ranked(make_submission: Make, files: Path) -> None:
    made = make_submission()
    spec = lease.claim(token=register_worker_token(name="new", token="new", trusted=False), request=request())
    assert spec is not None
    samples.finish(spec, [ALPHA, samples.BETA])
    scoring.score(submission=made.pk)
    made.refresh_from_db()
    assert made.state == "succeeded"
    assert "does not trust" in made.unranked_reason


def test_a_bell_that_somebody_is_ringing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(ring.app, "send_task", lambda name, **_: sent.append(name))
    with transaction.atomic():
        ring.enqueue(kind=Outbox.Kind.JOB, subject=1, queue="cpu", delay=timedelta(hours=1))
    bell = Outbox.objects.get().pk
    with transaction.atomic():
        Outbox.objects.select_for_update().get()
        assert elsewhere(lambda: ring.ring(bell=bell)) is True
    assert sent == []
    assert ring.ring(bell=bell) is True
    assert sent == [ring.JOB_TASK]
