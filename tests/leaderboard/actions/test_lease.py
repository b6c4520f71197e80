from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from evaluator.contract import ClaimRequest, Failure, Heartbeat, JobSpec, Settings
from leaderboard.actions import lease, record
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.models import Job, Outbox, Owner, Submission, WorkerToken

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def request(worker: str = "w1", **changes: object) -> ClaimRequest:
    return ClaimRequest(worker=worker, queues=("cpu",), engines=("vllm", "transformers"), **changes)  # type: ignore[arg-type]


def claim(token: WorkerToken, **changes: object) -> JobSpec:
    spec = lease.claim(token=token, request=request(**changes))  # type: ignore[arg-type]
    assert spec is not None
    return spec


def expire(job: int) -> None:
    Job.objects.filter(pk=job).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_a_claim_carries_everything_and_starts_the_submission(make_submission: Make, worker_token: WorkerToken) -> None:
    submission = make_submission(settings=Settings(dtype="float32"))
    spec = claim(worker_token)
    submission.refresh_from_db()
    assert (submission.state, spec.attempt) == ("running", 1)
    assert (spec.model.name, spec.model.sha, spec.settings.dtype) == ("org/model", "a" * 40, "float32")
    assert [task.task for task in spec.suite.tasks] == ["alpha", "beta"]
    assert spec.token not in str(Job.objects.values().get())


def test_nothing_waits(worker_token: WorkerToken) -> None:
    assert lease.claim(token=worker_token, request=request()) is None


def test_the_oldest_comes_first(make_submission: Make, worker_token: WorkerToken) -> None:
    jobs = [make_submission(f"org/m{number}").jobs.get().pk for number in range(3)]
    assert [claim(worker_token).job for _ in jobs] == jobs


def test_a_claim_that_is_repeated_gets_the_same_attempt(make_submission: Make, worker_token: WorkerToken) -> None:
    """Its first answer was lost on the way; the lease begins anew."""
    make_submission()
    make_submission(name="org/other", sha="b" * 40)
    first = claim(worker_token, nonce="n" * 32)
    Job.objects.filter(pk=first.job).update(lease_expires_at=Now() + timedelta(seconds=1))
    assert claim(worker_token, nonce="n" * 32) == first
    assert Job.objects.filter(pk=first.job, lease_expires_at__gt=Now() + timedelta(seconds=10)).exists()
    assert lease.heartbeat(job=first.job, token=first.token, beat=Heartbeat(attempt=1, phase="loading"))
    assert Job.objects.filter(state="running").count() == 1


@pytest.mark.parametrize("changes", [{"nonce": "m" * 32}, {"nonce": ""}, {"worker": "w2", "nonce": "n" * 32}])
def test_another_claim_gets_another_job(
    make_submission: Make, worker_token: WorkerToken, changes: dict[str, str]
) -> None:
    make_submission()
    make_submission(name="org/other", sha="b" * 40)
    first = claim(worker_token, nonce="n" * 32)
    second = claim(worker_token, **changes)
    assert (first.job, first.token) != (second.job, second.token)
    assert first.job != second.job


def test_claims_without_a_nonce_are_never_the_same(make_submission: Make, worker_token: WorkerToken) -> None:
    """As those of workers that do not know of it."""
    make_submission()
    make_submission(name="org/other", sha="b" * 40)
    assert claim(worker_token).job != claim(worker_token).job


def test_a_repeated_claim_after_its_lease_is_a_new_one(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    first = claim(worker_token, nonce="n" * 32)
    expire(first.job)
    assert lease.claim(token=worker_token, request=request(nonce="n" * 32)) is None
    lease.expire_leases()
    Job.objects.update(not_before=Now())
    second = claim(worker_token, nonce="n" * 32)
    assert (second.job, second.attempt) == (first.job, 2)
    assert second.token != first.token


@pytest.mark.parametrize("changes", [{"queue": "gpu"}, {"engine": "other"}, {"not_before": Now() + timedelta(hours=1)}])
def test_a_job_that_does_not_fit_is_left(
    make_submission: Make, worker_token: WorkerToken, changes: dict[str, object]
) -> None:
    Job.objects.filter(pk=make_submission().jobs.get().pk).update(**changes)
    assert lease.claim(token=worker_token, request=request()) is None


def test_progress_is_kept_and_never_runs_backwards(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    spec = claim(worker_token)
    for done in (5, 3):
        beat = Heartbeat(attempt=1, phase="evaluating", done=done, total=10, log="line")
        reply = lease.heartbeat(job=spec.job, token=spec.token, beat=beat)
    job = Job.objects.get()
    assert (job.done, job.total, job.log, reply.cancel) == (5, 10, "line", False)


def test_a_heartbeat_renews_the_lease(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    spec = claim(worker_token)
    before = Job.objects.get().lease_expires_at
    lease.heartbeat(job=spec.job, token=spec.token, beat=Heartbeat(attempt=1, phase="loading"))
    after = Job.objects.get().lease_expires_at
    assert before and after and after > before


def test_a_token_ends_with_its_lease(make_submission: Make, worker_token: WorkerToken) -> None:
    """Also before the reconciler has taken the job back: two workers must never both be right."""
    make_submission()
    spec = claim(worker_token)
    expire(spec.job)
    with pytest.raises(Conflict):
        lease.heartbeat(job=spec.job, token=spec.token, beat=Heartbeat(attempt=1, phase="loading"))
    assert lease.expire_leases() == 1


@pytest.mark.parametrize(("attempt", "token"), [(1, "attempt_wrong"), (0, None), (2, None), (1, "")])
def test_a_stale_or_foreign_attempt_is_refused(
    make_submission: Make, worker_token: WorkerToken, attempt: int, token: str | None
) -> None:
    make_submission()
    spec = claim(worker_token)
    with pytest.raises(Conflict) as refusal:
        lease.heartbeat(
            job=spec.job, token=spec.token if token is None else token, beat=Heartbeat(attempt=attempt, phase="loading")
        )
    assert refusal.value.code == "stale_attempt"


def test_an_unknown_job_is_not_found(worker_token: WorkerToken) -> None:
    with pytest.raises(NotFound):
        lease.heartbeat(job=99, token="x", beat=Heartbeat(attempt=1, phase="loading"))


def test_a_dead_lease_goes_to_the_next_worker_and_the_first_is_fenced(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    submission = make_submission()
    first = claim(worker_token)
    expire(first.job)
    assert lease.expire_leases() == 1
    submission.refresh_from_db()
    assert submission.state == "queued"
    assert Outbox.objects.filter(kind="job", subject=first.job).exists()
    Job.objects.update(not_before=Now())
    second = claim(worker_token, worker="w2")
    assert (second.job, second.attempt) == (first.job, 2)
    with pytest.raises(Conflict):
        lease.heartbeat(job=first.job, token=first.token, beat=Heartbeat(attempt=1, phase="loading"))


def test_the_third_loss_fails_the_submission_with_the_reason(make_submission: Make, worker_token: WorkerToken) -> None:
    submission = make_submission()
    for _ in range(3):
        Job.objects.update(not_before=Now())
        expire(claim(worker_token).job)
        lease.expire_leases()
    submission.refresh_from_db()
    assert (submission.state, submission.error_code) == ("failed", "worker_lost")
    assert "3 attempts" in submission.error_message


def test_a_released_job_waits_again_at_once_and_loses_nothing(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    for _ in range(5):
        spec = claim(worker_token)
        released = Failure(attempt=spec.attempt, kind="released", code="stopped", message="stopping")
        assert record.record_failure(job=spec.job, token=spec.token, failure=released)
    assert Job.objects.get().losses == 0


def test_a_model_failure_is_final_and_a_repeated_call_changes_nothing(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    submission = make_submission()
    spec = claim(worker_token)
    failure = Failure(attempt=1, kind="model", code="child_died", message="It crashed.", log="last\x00line")
    assert record.record_failure(job=spec.job, token=spec.token, failure=failure)
    assert not record.record_failure(job=spec.job, token=spec.token, failure=failure)
    submission.refresh_from_db()
    assert (submission.state, submission.error_code) == ("failed", "child_died")
    assert Job.objects.get().log == "last␀line"


def test_cancelling_what_waits_ends_it_at_once(make_submission: Make, owner: Owner, worker_token: WorkerToken) -> None:
    submission = make_submission()
    assert cancel(submission=submission.pk, owner=owner).state == "cancelled"
    assert lease.claim(token=worker_token, request=request()) is None
    with pytest.raises(Conflict):
        cancel(submission=submission.pk, owner=owner)


def test_cancelling_what_runs_goes_by_way_of_the_worker(
    make_submission: Make, owner: Owner, worker_token: WorkerToken
) -> None:
    submission = make_submission()
    spec = claim(worker_token)
    assert cancel(submission=submission.pk, owner=owner).state == "running"
    assert lease.heartbeat(job=spec.job, token=spec.token, beat=Heartbeat(attempt=1, phase="loading")).cancel
    acknowledged = Failure(attempt=1, kind="cancelled", code="cancelled", message="")
    record.record_failure(job=spec.job, token=spec.token, failure=acknowledged)
    submission.refresh_from_db()
    assert submission.state == "cancelled"


def test_cancelling_what_a_dead_worker_ran_ends_with_its_lease(
    make_submission: Make, owner: Owner, worker_token: WorkerToken
) -> None:
    submission = make_submission()
    spec = claim(worker_token)
    cancel(submission=submission.pk, owner=owner)
    expire(spec.job)
    lease.expire_leases()
    submission.refresh_from_db()
    assert submission.state == "cancelled"


def test_others_submissions_cannot_be_cancelled(make_submission: Make, db: None) -> None:
    stranger = Owner.objects.create(kind="organisation", name="stranger")
    with pytest.raises(NotFound):
        cancel(submission=make_submission().pk, owner=stranger)


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_each_job_goes_to_one(make_submission: Make, worker_token: WorkerToken) -> None:
    for number in range(3):
        make_submission(f"org/m{number}")
    claimed: list[JobSpec | None] = []
    start = Barrier(8)

    def work(number: int) -> None:
        start.wait()
        claimed.append(lease.claim(token=worker_token, request=request(worker=f"w{number}")))
        connection.close()

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = [spec.job for spec in claimed if spec]
    assert len(claimed) == 8
    assert len(set(jobs)) == len(jobs) == 3


GIGABYTE = 10**9


@pytest.mark.parametrize(
    ("needs", "memory", "fits"),
    [
        (16 * GIGABYTE, 16 * GIGABYTE, True),
        (16 * GIGABYTE, 16 * GIGABYTE - 1, False),
        (0, 0, True),  # nobody knows how large the model is
        (10**15, None, True),  # the worker does not know what it has
    ],
)
def test_a_job_goes_to_a_worker_with_enough_memory(
    make_submission: Make, worker_token: WorkerToken, needs: int, memory: int | None, fits: bool
) -> None:
    make_submission()
    Job.objects.update(needs_bytes=needs)
    assert (lease.claim(token=worker_token, request=request(memory_bytes=memory)) is not None) is fits


@pytest.mark.parametrize(
    ("wanted", "runs", "fits"),
    [
        ("LlamaForCausalLM", ("LlamaForCausalLM", "Qwen3ForCausalLM"), True),
        ("LlamaForCausalLM", ("Qwen3ForCausalLM",), False),
        ("LlamaForCausalLM", (), True),
        ("", ("Qwen3ForCausalLM",), True),
    ],
)
def test_a_job_goes_to_a_worker_that_runs_its_architecture(
    make_submission: Make, worker_token: WorkerToken, wanted: str, runs: tuple[str, ...], fits: bool
) -> None:
    make_submission()
    Job.objects.update(architecture=wanted)
    assert (lease.claim(token=worker_token, request=request(architectures=runs)) is not None) is fits


def test_a_job_that_fits_nobody_here_holds_up_no_other(make_submission: Make, worker_token: WorkerToken) -> None:
    large, small = (make_submission(f"org/m{number}").jobs.get() for number in range(2))
    Job.objects.filter(pk=large.pk).update(needs_bytes=10**12)
    assert claim(worker_token, memory_bytes=GIGABYTE).job == small.pk


def test_limits_are_told_to_workers_that_know_of_them(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission("org/m1")
    make_submission("org/m2")
    assert claim(worker_token).limit_seconds is None
    spec = claim(worker_token, edition=2)
    assert (spec.limit_seconds, spec.task_limit_seconds) == (86_400.0, 21_600.0)


class TestOvertime:
    def run_for(self, token: WorkerToken, seconds: float, *, limit: float = 100.0) -> Job:
        spec = claim(token)
        Job.objects.filter(pk=spec.job).update(limit_seconds=limit, claimed_at=Now() - timedelta(seconds=seconds))
        return Job.objects.get(pk=spec.job)

    def test_who_runs_too_long_fails_for_good(self, make_submission: Make, worker_token: WorkerToken) -> None:
        row = make_submission()
        job = self.run_for(worker_token, 131)
        assert lease.end_overtime() == 1
        job.refresh_from_db()
        row.refresh_from_db()
        assert (job.state, row.state, row.error_code) == ("failed", "failed", "time_limit")
        assert "100 s" in row.error_message

    def test_a_worker_gets_the_time_to_end_it_itself(self, make_submission: Make, worker_token: WorkerToken) -> None:
        make_submission()
        self.run_for(worker_token, 129)
        assert lease.end_overtime() == 0

    def test_who_asked_to_cancel_gets_a_cancelled_submission(
        self, make_submission: Make, worker_token: WorkerToken, owner: Owner
    ) -> None:
        row = make_submission()
        self.run_for(worker_token, 131)
        cancel(submission=row.pk, owner=owner)
        assert lease.end_overtime() == 1
        row.refresh_from_db()
        assert row.state == "cancelled"


def test_waits_after_a_loss_double_and_are_spread(make_submission: Make, worker_token: WorkerToken) -> None:
    waits: dict[int, set[float]] = {1: set(), 2: set()}
    for number in range(12):
        make_submission(f"org/m{number}")
        for losses in (1, 2):
            spec = claim(worker_token)
            expire(spec.job)
            lease.expire_leases()
            job = Job.objects.get(pk=spec.job)
            assert job.losses == losses
            waits[losses].add((job.not_before - timezone.now()).total_seconds())
            Job.objects.filter(pk=spec.job).update(not_before=Now())
        Job.objects.filter(pk=spec.job).update(not_before=Now() + timedelta(days=1))
    for losses, longest in ((1, 5.0), (2, 10.0)):
        assert len(waits[losses]) == 12
        assert all(longest / 2 - 1 < wait <= longest for wait in waits[losses])
        assert max(waits[losses]) - min(waits[losses]) > longest / 20
