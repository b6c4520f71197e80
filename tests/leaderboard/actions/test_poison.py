"""A row that nothing can be done with, a call that always fails: it ends with a reason, and stops nobody else."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from django.db.models.functions import Now

from evaluator.contract import ClaimRequest, JobSpec
from leaderboard import tasks
from leaderboard.actions import finish, lease, record, ring, validate
from leaderboard.actions import score as scoring
from leaderboard.actions.cancel import cancel
from leaderboard.actions.quota import charge
from leaderboard.actions.submit import submit
from leaderboard.models import Event, Job, Outbox, Owner, Submission, Suite, User, WorkerToken
from tests.leaderboard.measured import measured as honest
from tests.leaderboard.path import pinned

Make = Callable[..., Submission]
REQUEST = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))


def raises(error: type[Exception]) -> Callable[..., Any]:
    def broken(*_: Any, **__: Any) -> Any:
        raise error("broken on purpose")

    return broken


def measured(spec: JobSpec) -> None:
    """Post what an honest worker measured."""
    made = honest(spec)
    for sequence, body in enumerate(made.bodies):
        record.record_chunk(
            job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence, digest=made.digest(sequence),
            body=body,
        )  # fmt: skip
    record.record_results(job=spec.job, token=spec.token, results=made.results)


@pytest.mark.django_db
def test_a_job_over_its_limit_that_cannot_be_ended_stops_neither_others_nor_the_bells(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    broken, sound = make_submission("org/broken", "b" * 40), make_submission("org/sound", "c" * 40)
    for _ in range(2):
        assert lease.claim(token=worker_token, request=REQUEST)
    Submission.objects.filter(pk=broken.pk).update(state="cancelled")
    Job.objects.update(claimed_at=Now() - timedelta(days=2))
    assert lease.end_overtime() == 1
    assert sound.jobs.get().state == "failed"


@pytest.mark.django_db
def test_any_error_about_one_lease_leaves_the_others_to_expire(
    make_submission: Make, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = make_submission("org/broken", "b" * 40), make_submission("org/sound", "c" * 40)
    for _ in range(2):
        assert lease.claim(token=worker_token, request=REQUEST)
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    stock = lease.requeue_or_fail

    def requeue(*, job: Job, **arguments: Any) -> None:
        if job.submission_id == broken.pk:
            raise ZeroDivisionError
        stock(job=job, **arguments)

    monkeypatch.setattr(lease, "requeue_or_fail", requeue)
    assert lease.expire_leases() == 1
    assert sound.jobs.get().state == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["expire_leases", "end_overtime"])
def test_one_part_of_the_round_that_fails_does_not_keep_bells_from_ringing(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(lease, step, raises(ZeroDivisionError))
    monkeypatch.setattr(ring, "ring_due", lambda: rung.append(True))
    tasks.reconcile()
    assert rung


@pytest.mark.django_db
def test_a_job_that_this_site_cannot_read_any_more_fails_and_the_next_one_is_given_out(
    make_submission: Make, worker_token: WorkerToken, owner: Owner
) -> None:
    """It is the oldest: every claim of every worker would end in a server error. Its owner does not pay for it."""
    broken, sound = make_submission("org/broken", "b" * 40), make_submission("org/sound", "c" * 40)
    Submission.objects.filter(pk=broken.pk).update(settings={"engine": "abacus"}, charged_on=charge(owner=owner))
    spec = lease.claim(token=worker_token, request=REQUEST)
    assert spec is not None
    assert spec.job == sound.jobs.get().pk
    broken.refresh_from_db()
    assert (broken.state, broken.error_code, broken.jobs.get().state) == ("failed", "unreadable_job", "failed")
    assert "abacus" in broken.error_message
    assert broken.charged_on is None


@pytest.fixture
def measured_one(make_submission: Make, worker_token: WorkerToken, files: Path) -> Submission:
    made = make_submission()
    spec = lease.claim(token=worker_token, request=REQUEST)
    assert spec is not None
    measured(spec)
    return made


@pytest.mark.django_db
def test_a_submission_that_cannot_be_scored_is_tried_with_growing_waits_and_then_fails(
    measured_one: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "score", raises(ZeroDivisionError))
    waits: list[timedelta] = []
    for _ in range(finish.TRIES - 1):
        tasks.score(measured_one.pk)
        measured_one.refresh_from_db()
        assert measured_one.state == "scoring"
        bell = Outbox.objects.annotate(now=Now()).get(kind="score")
        waits.append(bell.ring_after - bell.now)  # type: ignore[attr-defined]
    assert waits == sorted(waits)
    assert timedelta(minutes=30) < sum(waits, timedelta()) < timedelta(hours=3)
    tasks.score(measured_one.pk)
    measured_one.refresh_from_db()
    assert (measured_one.state, measured_one.error_code) == ("failed", "scoring_failed")
    assert "ZeroDivisionError" in measured_one.error_message
    assert not Outbox.objects.exists()
    finish.put_off(submission=measured_one.pk, problem="another worker's try, late")
    assert not Outbox.objects.exists()


@pytest.mark.django_db
def test_with_the_database_away_no_try_at_scoring_is_counted(
    measured_one: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "score", raises(OperationalError))
    with pytest.raises(OperationalError):
        tasks.score(measured_one.pk)
    assert not Event.objects.filter(before="scoring").exists()


@pytest.mark.django_db
def test_a_score_that_comes_at_a_later_try_counts(measured_one: Submission, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "total_of", raises(ZeroDivisionError))
        tasks.score(measured_one.pk)
    tasks.score(measured_one.pk)
    measured_one.refresh_from_db()
    assert measured_one.state == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_breaks_does_not_make_an_accepted_submission_look_refused(
    owner: Owner, person: User, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed; an error page would say that it is not."""
    monkeypatch.setattr(ring, "ring", raises(OperationalError))
    made = submit(owner=owner, submitter=person, suite=suite.slug, model="org/model")
    assert Outbox.objects.get().subject == made.pk


@pytest.fixture
def waiting(owner: Owner, person: User, suite: Suite) -> Submission:
    return submit(owner=owner, submitter=person, suite=suite.slug, model="org/model")


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["hub_unreachable", "model_not_found"])
def test_cancelled_while_the_hub_is_asked_no_bell_stays_behind(
    waiting: Submission, owner: Owner, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bell without work would ring every half minute for ever."""

    def pin(*_: Any, **__: Any) -> Any:
        cancel(submission=waiting.pk, owner=owner)
        raise validate.hub.HubError(code, "…")

    monkeypatch.setattr(validate.hub, "pin", pin)
    validate.validate(submission=waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    assert not Outbox.objects.exists()
    assert list(Event.objects.values_list("after", flat=True)) == ["validating", "cancelled"]


@pytest.mark.django_db
def test_an_equal_submission_that_ends_at_this_moment_is_no_reason_to_reject(
    waiting: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The constraint met it, and when it is looked for it is over: then there is room for this one."""
    monkeypatch.setattr(validate.hub, "pin", lambda *_, **__: pinned("org/model"))
    stock, met = validate.record_revision, []

    def record_revision(*arguments: Any, **named: Any) -> Any:
        if not met:
            met.append(True)
            raise IntegrityError
        return stock(*arguments, **named)

    monkeypatch.setattr(validate, "record_revision", record_revision)
    validate.validate(submission=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == ("queued", "")


@pytest.mark.django_db
def test_asking_twice_to_cancel_what_runs_is_told_once(
    make_submission: Make, owner: Owner, worker_token: WorkerToken
) -> None:
    made = make_submission()
    assert lease.claim(token=worker_token, request=REQUEST)
    for _ in range(2):
        assert cancel(submission=made.pk, owner=owner).state == "running"
    assert Event.objects.filter(before="running", after="running").count() == 1
