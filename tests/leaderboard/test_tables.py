"""What the tables refuse to hold, whatever the code above them does: nothing twice, nothing half, nothing undone."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from evaluator.contract import ClaimRequest
from leaderboard.actions import lease
from leaderboard.models import Event, Job, Outbox, ResponsePart, Result, SampleChunk, Submission, Usage, Worker
from leaderboard.models.accounts import WorkerToken
from tests import samples

pytestmark = pytest.mark.django_db
REQUEST = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))


@pytest.fixture
def done(make_submission: Callable[..., Submission], worker_token: WorkerToken, files: Path) -> Job:
    """A job with its results."""
    make_submission()
    spec = lease.claim(token=worker_token, request=REQUEST)
    assert spec is not None
    samples.finish(spec, [samples.measured("alpha", [1.0, 0.0]), samples.BETA])
    return Job.objects.get()


def refused(change: Callable[[], object]) -> bool:
    try:
        with transaction.atomic():
            change()
    except IntegrityError:
        return True
    return False


def again(row: Result | SampleChunk | ResponsePart | Outbox | Usage | Worker) -> bool:
    """Whether the same row is refused a second time."""
    row.pk = None
    row._state.adding = True
    return refused(row.save)


def test_nothing_is_there_twice(done: Job) -> None:
    part = {"attempt": 1, "sequence": 0, "identity": "", "digest": "", "path": "", "size": 0}
    ResponsePart.objects.create(job=done, worker=Worker.objects.get(), **part)
    Usage.objects.create(owner=done.submission.owner, period="day", starts_on=date(2026, 1, 1))
    rows = [Result.objects.all()[0], SampleChunk.objects.get(), ResponsePart.objects.get(), Outbox.objects.get()]
    rows += [Usage.objects.get(), Worker.objects.get()]
    assert [type(row).__name__ for row in rows if not again(row)] == []


def test_two_live_submissions_never_measure_the_same(make_submission: Callable[..., Submission]) -> None:
    """Also when they were asked for by different names, and whoever looked for the other one missed it."""
    made = make_submission("org/a")
    assert refused(
        lambda: Submission.objects.create(
            owner=made.owner, suite=made.suite, requested_model="org/b", revision=made.revision, state="queued",
            settings=made.settings, settings_digest=made.settings_digest,
        )
    )  # fmt: skip


def test_what_was_validated_is_pinned(make_submission: Callable[..., Submission]) -> None:
    row = Submission.objects.filter(pk=make_submission().pk)
    assert refused(lambda: row.update(revision=None))


def test_a_result_has_a_score_or_a_reason_and_stays_as_it_is(done: Job) -> None:
    one, other = Result.objects.order_by("pk")
    assert refused(lambda: Result.objects.filter(pk=one.pk).update(score=0.25))
    values = {"submission": done.submission, "job": done, "attempt": done.attempt, "score": 0.5}
    with transaction.atomic():
        free_place(other)
        assert refused(lambda: Result.objects.create(task=other.task, unavailable="It has both.", **values))
        assert not refused(lambda: Result.objects.create(task=other.task, **values))


def test_results_are_of_the_last_attempt(done: Job) -> None:
    one = Result.objects.order_by("pk")[0]
    with transaction.atomic():
        free_place(one)
        values = {"submission": done.submission, "job": done, "task": one.task, "score": 0.5}
        assert refused(lambda: Result.objects.create(attempt=done.attempt + 1, **values))
        assert not refused(lambda: Result.objects.create(attempt=done.attempt, **values))


def free_place(row: Result) -> None:
    """Remove a result as the purge does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('parity.purge', 'on', true)")
        cursor.execute("DELETE FROM leaderboard_result WHERE id = %s", [row.pk])
        cursor.execute("SELECT set_config('parity.purge', '', true)")


@pytest.mark.parametrize("table", [Submission, Job, Event, Result, SampleChunk])
def test_nothing_that_was_accepted_is_deleted(done: Job, table: type[Submission]) -> None:
    rows = table._base_manager.all()
    assert rows.exists()
    assert refused(lambda: rows._raw_delete(rows.db))


def test_a_waiting_job_has_no_lease(make_submission: Callable[..., Submission]) -> None:
    job = Job.objects.filter(pk=make_submission().jobs.get().pk)
    assert refused(lambda: job.update(lease_expires_at=Now()))
