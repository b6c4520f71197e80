from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from evaluator.contract import ClaimRequest, Settings
from leaderboard.actions.cancel import cancel
from leaderboard.actions.introduce import introduce
from leaderboard.models import Job, Owner, Revision, Submission, Worker, WorkerToken
from leaderboard.queries.submissions import detail, queue
from leaderboard.queries.waiting import Eta, eta_of, forecast, past_accuracy, prediction
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def there(token: WorkerToken, name: str = "w1", **changes: Any) -> Worker:
    """A worker that waits for its bell."""
    said: dict[str, Any] = {"queues": ("cpu",), "engines": ("vllm", "transformers"), **changes}
    return introduce(token=token, request=ClaimRequest(worker=name, **said))


def ran(row: Submission, *, start: float = 20, evaluation: float = 100, parameters: int | None = None) -> Submission:
    """End `row` as a run that took these seconds."""
    made.end(row, "succeeded", score=50.0, stderr=1.0)
    end = timezone.now() - timedelta(hours=1)
    row.jobs.update(
        claimed_at=end - timedelta(seconds=start + evaluation),
        evaluating_at=end - timedelta(seconds=evaluation),
        finished_at=end,
    )
    Revision.objects.filter(submissions=row).update(parameters=parameters)
    return row


def eta(row: Submission) -> Eta:
    found = detail(row.pk).eta
    assert found is not None
    return found


def running_for(row: Submission, *, claimed: float, evaluating: float | None = None, **progress: Any) -> None:
    """Let the run of `row` have begun so many seconds before its newest heartbeat."""
    now = Now()
    row.jobs.update(
        claimed_at=now - timedelta(seconds=claimed), beat_at=now, phase="evaluating" if evaluating else "loading",
        evaluating_at=None if evaluating is None else now - timedelta(seconds=evaluating), **progress,
    )  # fmt: skip


def test_the_first_in_line_takes_what_others_took(make_submission: Make, worker_token: WorkerToken) -> None:
    there(worker_token)
    ran(make_submission("org/past"))
    found = eta(make_submission())
    assert (found.seconds, found.reason, found.stuck) == (120, "", False)
    assert found.at and abs((found.at - timezone.now()).total_seconds() - 120) < 5


def test_larger_models_take_longer_by_the_parameters_that_work(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    there(worker_token)
    ran(make_submission("org/past"), parameters=10**9)
    row = make_submission()
    Revision.objects.filter(submissions=row).update(parameters=10**11, active_parameters=3 * 10**9)
    assert eta(row).seconds == 320


def test_runs_of_other_suites_and_queues_say_nothing_but_other_precisions_do(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    there(worker_token)
    ran(make_submission("org/a", description="another suite"))
    on_gpu = ran(make_submission("org/b"))
    on_gpu.jobs.update(queue="gpu")
    row = make_submission()
    assert eta(row).seconds is None
    assert eta(row).reason == "Nothing was measured on tiny@1 in the queue cpu yet: it is the first."
    ran(make_submission("org/c", settings=Settings(dtype="float32")), evaluation=400)
    assert eta(row).seconds == 420
    ran(make_submission("org/d"), evaluation=100)
    assert eta(row).seconds == 120


def test_whoever_waits_further_back_waits_longer(make_submission: Make, worker_token: WorkerToken) -> None:
    there(worker_token)
    ran(make_submission("org/past"))
    rows = [make_submission(f"org/m{number}") for number in range(3)]
    assert [eta(row).seconds for row in rows] == [120, 240, 360]
    there(worker_token, "w2")
    assert [eta(row).seconds for row in rows] == [120, 120, 240]
    assert [line.eta.seconds for line in queue().waiting if line.eta] == [120, 120, 240]


def test_a_running_job_is_waited_for_as_long_as_its_items_say(make_submission: Make, worker_token: WorkerToken) -> None:
    ran(make_submission("org/past"))
    first, second = make_submission("org/first"), make_submission("org/second")
    made.claim(worker_token)
    running_for(first, claimed=100, evaluating=80, done=50, total=100)
    assert eta(first).seconds == pytest.approx(65, abs=2)  # items say 80 more, the plan 20, half of each is done
    assert eta(second).seconds == pytest.approx(65 + 120, abs=2)


def test_before_its_first_item_a_run_keeps_to_its_plan(make_submission: Make, worker_token: WorkerToken) -> None:
    ran(make_submission("org/past"))
    row = make_submission()
    made.claim(worker_token)
    running_for(row, claimed=5)
    assert eta(row).seconds == pytest.approx(115, abs=1)
    running_for(row, claimed=60)
    assert eta(row).seconds == pytest.approx(106, abs=1)


def test_without_any_past_the_items_tell_alone(make_submission: Make, worker_token: WorkerToken) -> None:
    row, behind = make_submission("org/a"), make_submission("org/b")
    made.claim(worker_token)
    assert eta(row) == Eta(
        None, None, "Nothing was measured on tiny@1 in the queue cpu yet: its first items will tell."
    )
    running_for(row, claimed=90, evaluating=60, done=75, total=100)
    assert eta(row).seconds == pytest.approx(20, abs=1)
    assert eta(behind).reason == "Nothing was measured on tiny@1 in the queue cpu yet: it is the first."


def test_behind_a_job_that_nobody_can_judge_nobody_knows(make_submission: Make, worker_token: WorkerToken) -> None:
    ran(make_submission("org/past"))
    make_submission("org/first", description="a suite nobody ran")
    made.claim(worker_token)
    assert eta(make_submission()) == Eta(None, None, "Nobody knows yet how long the jobs before it take.")


def test_nothing_is_promised_that_would_take_longer_than_it_may(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    there(worker_token)
    ran(make_submission("org/past"), parameters=1)
    row = make_submission()
    Revision.objects.filter(submissions=row).update(parameters=2**62)
    row.jobs.update(limit_seconds=600)
    assert eta(row).seconds == 600
    made.claim(worker_token)
    running_for(row, claimed=590)
    assert eta(row).seconds == pytest.approx(10, abs=1)
    running_for(row, claimed=900)
    assert eta(row).seconds == 0


def test_a_job_that_is_tried_again_later_waits_for_that(make_submission: Make, worker_token: WorkerToken) -> None:
    there(worker_token)
    ran(make_submission("org/past"))
    row = make_submission()
    row.jobs.update(not_before=Now() + timedelta(seconds=300))
    assert eta(row).seconds == pytest.approx(420, abs=1)


def test_nobody_online_who_can_run_it_is_said_with_the_reason(make_submission: Make, worker_token: WorkerToken) -> None:
    ran(make_submission("org/past"))
    row = make_submission()
    assert eta(row) == Eta(None, None, "No worker is online.", stuck=True)
    there(worker_token, memory_bytes=16 * 10**9)
    assert eta(row).seconds == 120
    row.jobs.update(needs_bytes=48 * 10**9)
    found = eta(row)
    assert found.stuck
    assert found.reason == "It needs 48.0 GB of memory; the largest worker of the queue cpu that is online has 16.0 GB."
    assert prediction(row.jobs.get()) is None


def test_a_worker_that_went_away_is_not_counted_on(make_submission: Make, worker_token: WorkerToken) -> None:
    there(worker_token)
    ran(make_submission("org/past"))
    row = make_submission()
    Worker.objects.update(last_seen_at=Now() - timedelta(minutes=5))
    assert eta(row).reason == "No worker is online."


def test_a_run_whose_lease_is_out_has_no_end_in_sight(make_submission: Make, worker_token: WorkerToken) -> None:
    ran(make_submission("org/past"))
    row = make_submission()
    made.claim(worker_token)
    row.jobs.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert eta(row) == Eta(None, None, "Its worker does not answer any more; the job will wait for another one.")


def test_a_submission_of_several_jobs_ends_with_its_last(make_submission: Make, worker_token: WorkerToken) -> None:
    there(worker_token)
    ran(make_submission("org/past"))
    row = make_submission()
    Job.objects.create(submission=row, queue="cpu", engine="vllm", not_before=row.created_at)
    assert eta(row).seconds == 240


def test_before_and_after_the_line_there_is_no_estimate(
    make_submission: Make, worker_token: WorkerToken, owner: Owner
) -> None:
    row = make_submission()
    made.claim(worker_token)
    cancel(submission=row.pk, owner=owner)
    assert eta(row).reason == "It is being cancelled."
    Submission.objects.filter(pk=row.pk).update(state="scoring")
    assert eta(row).seconds is None and "moments" in eta(row).reason
    made.end(row, "cancelled")
    assert detail(row.pk).eta is None and detail(row.pk).accuracy is None
    other = made.validating(make_submission("org/other"))
    assert eta_of(other, [], forecast) == Eta(None, None, "It is being checked first.")


def test_predictions_are_held_against_what_came(make_submission: Make) -> None:
    assert past_accuracy() is None
    now = timezone.now()
    for number, (state, took) in enumerate(
        [("succeeded", 120), ("succeeded", 60), ("failed", 30), ("cancelled", 6_000), ("rejected", 1)]
    ):
        row = made.end(make_submission(f"org/m{number}"), state)
        Submission.objects.filter(pk=row.pk).update(
            queued_at=now, finished_at=now + timedelta(seconds=took), predicted_seconds=60
        )
    made.end(make_submission("org/none"), "succeeded")
    found = past_accuracy()
    assert found and (found.p50, found.n) == (1.0, 3)
    assert found.p90 == pytest.approx(1.8)


def test_only_the_newest_predictions_count(
    make_submission: Make, suite: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaderboard.queries.waiting.PREDICTIONS", 2)
    now = timezone.now()
    for number, took in enumerate((600, 60, 60)):
        row = made.end(make_submission(f"org/m{number}"), "succeeded")
        Submission.objects.filter(pk=row.pk).update(
            queued_at=now, finished_at=now + timedelta(seconds=took), predicted_seconds=60
        )
    found = past_accuracy()
    assert found and (found.p90, found.n) == (1.0, 2)


def test_only_the_newest_runs_are_learned_from(
    make_submission: Make, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaderboard.queries.waiting.RUNS", 2)
    there(worker_token)
    for number, seconds in enumerate((900, 900, 50, 50)):
        ran(make_submission(f"org/m{number}"), evaluation=seconds)
    assert eta(make_submission()).seconds == 70


def test_a_run_whose_clock_makes_no_sense_is_left_out(make_submission: Make, worker_token: WorkerToken) -> None:
    there(worker_token)
    odd = ran(make_submission("org/odd"))
    odd.jobs.update(finished_at=F("claimed_at") - timedelta(seconds=5))
    unseen = ran(make_submission("org/unseen"))
    unseen.jobs.update(evaluating_at=None)
    assert eta(make_submission()).seconds == 120


def test_a_forecast_takes_four_queries_whatever_waits(
    make_submission: Make, worker_token: WorkerToken, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(3):
        there(worker_token, f"w{number}")
        ran(make_submission(f"org/past{number}"))
    for number in range(15):
        make_submission(f"org/m{number}")
    make_submission("org/other", description="another suite")
    made.claim(worker_token)
    with django_assert_max_num_queries(3):
        found = forecast()
    assert len(found.left) == 16
    row = make_submission()
    with django_assert_max_num_queries(13):
        detail(row.pk)


def test_times_are_the_databases(make_submission: Make, worker_token: WorkerToken, monkeypatch: Any) -> None:
    """A site whose own clock is an hour off tells the same."""
    there(worker_token)
    ran(make_submission("org/past"))
    row = make_submission()
    late: Callable[[], datetime] = lambda: datetime.now().astimezone() + timedelta(hours=1)  # noqa: E731
    monkeypatch.setattr(timezone, "now", late)
    assert eta(row).seconds == 120
