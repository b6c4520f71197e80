from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from evaluator.contract import ClaimRequest
from leaderboard import tasks
from leaderboard.actions import lease, ring
from leaderboard.actions.accounts import register_worker_token
from leaderboard.actions.introduce import introduce
from leaderboard.actions.pulse import pulse
from leaderboard.models import Job, Outbox, Pulse, Submission, Worker, WorkerToken
from leaderboard.queries.status import status
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def there(token: WorkerToken, name: str, **changes: Any) -> Worker:
    said: dict[str, Any] = {"queues": ("cpu",), "engines": ("vllm",), **changes}
    return introduce(token=token, request=ClaimRequest(worker=name, **said))


def at_work() -> None:
    for part in Pulse.Part:
        pulse(part=part)


def test_all_is_well_when_everything_is_there(worker_token: WorkerToken) -> None:
    at_work()
    there(worker_token, "w1")
    assert status().problems == []


def test_a_site_without_anything_says_what_is_missing(db: None) -> None:
    found = status()
    assert found.problems == [
        "The scheduler is not at work.", "The reconciler is not at work.", "No worker is online.",
    ]  # fmt: skip
    assert [(part.name, part.at) for part in found.background] == [("scheduler", None), ("reconciler", None)]
    assert (found.workers, found.bells, found.oldest_bell, found.accuracy) == ([], 0, None, None)


def test_workers_stand_with_what_they_do(make_submission: Make, worker_token: WorkerToken) -> None:
    lent = register_worker_token(name="lent", token="lent-secret", trusted=False)
    there(lent, "lent")
    row = make_submission()
    made.beat(made.claim(worker_token, "busy"), done=3, total=12)
    there(worker_token, "away")
    Worker.objects.filter(name="away").update(last_seen_at=Now() - timedelta(minutes=5))
    there(worker_token, "gone")
    Worker.objects.filter(name="gone").update(last_seen_at=Now() - timedelta(days=8))
    found = status()
    assert [(line.worker.name, line.online, line.worker.token.trusted) for line in found.workers] == [
        ("busy", True, True), ("lent", True, False), ("away", False, True),
    ]  # fmt: skip
    assert found.online == 2
    busy = found.workers[0]
    assert busy.job and busy.job.submission == row and busy.progress and busy.progress.percent == 25
    assert found.workers[1].job is None and found.workers[1].progress is None


def test_a_worker_whose_token_ended_is_not_shown(worker_token: WorkerToken) -> None:
    there(worker_token, "w1")
    WorkerToken.objects.update(revoked_at=timezone.now())
    assert status().workers == []


def test_queues_count_what_waits_and_who_serves_them(make_submission: Make, worker_token: WorkerToken) -> None:
    at_work()
    first = make_submission("org/first")
    make_submission("org/second")
    made.claim(worker_token)
    for name in ("org/third", "org/fourth"):
        make_submission(name).jobs.update(queue="gpu")
    cpu, gpu = status().queues
    assert (cpu.name, cpu.waiting, cpu.running, cpu.workers) == ("cpu", 1, 1, 1)
    assert (gpu.name, gpu.waiting, gpu.running, gpu.workers) == ("gpu", 2, 0, 0)
    assert gpu.oldest == Job.objects.filter(queue="gpu").earliest("id").created_at
    assert first.jobs.get().state == "running"
    assert status().problems == ["2 jobs wait in vain. No worker of the queue gpu is online, only of cpu."]


def test_a_job_too_large_for_every_worker_is_a_problem(make_submission: Make, worker_token: WorkerToken) -> None:
    at_work()
    there(worker_token, "w1", memory_bytes=16 * 10**9)
    make_submission("org/small")
    make_submission("org/large").jobs.update(needs_bytes=48 * 10**9)
    said = "It needs 48.0 GB of memory; the largest worker of the queue cpu that is online has 16.0 GB."
    assert status().stuck == {said: 1}
    assert status().problems == [f"1 job waits in vain. {said}"]


def test_what_is_checked_and_scored_is_counted(make_submission: Make, worker_token: WorkerToken) -> None:
    made.in_state("scoring", make_submission, worker_token)
    made.validating(make_submission("org/other"))
    assert (status().checking, status().scoring) == (1, 1)


def test_the_reconciler_is_seen_at_work_by_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "ring_due", lambda: 0)
    tasks.reconcile()
    assert [part.working for part in status().background] == [True, True]


def test_a_reconciler_that_breaks_is_seen_while_the_scheduler_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "expire_leases", lambda: 1 / 0)
    tasks.reconcile()
    assert [(part.name, part.working) for part in status().background] == [("scheduler", True), ("reconciler", False)]


def test_what_works_in_the_background_is_missed_after_three_rounds(settings: Any, db: None) -> None:
    settings.CELERY_BEAT_SCHEDULE = {"reconcile": {"task": "leaderboard.reconcile", "schedule": 20.0}}
    at_work()
    for seconds, working in ((65, True), (75, False)):
        Pulse.objects.update(at=Now() - timedelta(seconds=seconds))
        assert [part.working for part in status().background] == [working, working]


def test_bells_that_wait_are_counted(db: None) -> None:
    ring.enqueue(kind=Outbox.Kind.JOB, subject=1, queue="cpu", delay=timedelta(hours=1))
    ring.enqueue(kind=Outbox.Kind.SCORE, subject=1, delay=timedelta(hours=1))
    found = status()
    assert (found.bells, found.oldest_bell) == (2, Outbox.objects.earliest("id").created_at)


def test_queries_do_not_grow_with_workers_and_jobs(
    make_submission: Make, worker_token: WorkerToken, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(12):
        make_submission(f"org/m{number}")
        made.claim(worker_token, f"w{number}")
        make_submission(f"org/waits{number}")
    with django_assert_max_num_queries(8):
        assert sum(line.progress is not None for line in status().workers) == 12
