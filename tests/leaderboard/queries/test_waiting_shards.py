"""When sharded submissions end, and who waits for the workers that are at them."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from evaluator.contract import EDITION
from leaderboard.models import Job, Worker, WorkerToken
from leaderboard.queries.editions import SHARDS_SINCE
from tests.leaderboard.pages import made
from tests.leaderboard.queries import test_waiting
from tests.leaderboard.queries.test_waiting import Make, eta, ran, running_for

pytestmark = pytest.mark.django_db


def there(token: WorkerToken, name: str = "w1", edition: int = EDITION) -> Worker:
    """A worker that waits for its bell, and may be given shards."""
    return test_waiting.there(token, name, edition=edition)


def test_who_is_at_a_shard_is_busy_until_its_evaluation_ends(make_submission: Make, worker_token: WorkerToken) -> None:
    ran(make_submission("org/past"))
    large, behind = made.split(make_submission("org/large"), 3), make_submission("org/behind")
    for name in ("w1", "w2", "w3"):
        made.claim(worker_token, name, EDITION)
    row = Job.objects.filter(submission=large)
    assert list(row.order_by("shard").values_list("worker__name", flat=True)) == ["w1", "w2", "w3"]
    running_for(large, claimed=40, evaluating=20, done=50, total=300)
    left = 0.5 * (0.5 * 100 / 3 + 20)  # half is done, and three are at it
    assert eta(large).seconds == pytest.approx(left, abs=1)
    assert eta(behind).seconds == pytest.approx(left + 120, abs=1)
    there(worker_token, "w4")
    assert eta(behind).seconds == 120


def test_shards_that_wait_are_taken_while_their_evaluation_runs(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    ran(make_submission("org/past"))
    large, behind = made.split(make_submission("org/large"), 2), make_submission("org/behind")
    made.claim(worker_token, "w1", EDITION)
    running_for(large, claimed=40, evaluating=20)
    Job.objects.filter(submission=large, kind="shard").update(claimed_at=None, beat_at=None, evaluating_at=None)
    assert eta(large).seconds == pytest.approx(80, abs=2)
    assert eta(behind).seconds == pytest.approx(80 + 120, abs=2), "one worker: the shard is gone when it comes free"
    there(worker_token, "w2")
    assert eta(behind).seconds == pytest.approx(80 + 120, abs=2), "the other one takes the shard"
    there(worker_token, "w3")
    assert eta(behind).seconds == 120


def test_several_workers_share_what_waits_and_one_does_all_of_it(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    there(worker_token)
    ran(make_submission("org/past"))
    large, behind = made.split(make_submission("org/large"), 4), make_submission("org/behind")
    assert (eta(large).seconds, eta(behind).seconds) == (120, 240)
    there(worker_token, "w2")
    assert (eta(large).seconds, eta(behind).seconds) == (70, 50 + 120)
    there(worker_token, "old", edition=SHARDS_SINCE - 1)
    assert (eta(large).seconds, eta(behind).seconds) == (70, 120), "older workers take no shards"


def test_an_evaluation_does_not_wait_for_shards_that_come_late(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    ran(make_submission("org/past"))
    for name in ("w1", "w2"):
        there(worker_token, name)
    large = made.split(make_submission("org/large"), 2)
    Job.objects.filter(submission=large, kind="shard").update(not_before=Now() + timedelta(hours=1))
    assert eta(large).seconds == 120


def test_a_shard_whose_worker_is_silent_holds_a_worker_of_whom_nothing_is_known(
    make_submission: Make, worker_token: WorkerToken
) -> None:
    ran(make_submission("org/past"))
    large, behind = made.split(make_submission("org/large"), 2), make_submission("org/behind")
    for name in ("w1", "w2"):
        made.claim(worker_token, name, EDITION)
    running_for(large, claimed=40, evaluating=20, done=50, total=200)
    free = eta(behind).seconds
    Job.objects.filter(submission=large, kind="evaluation").update(lease_expires_at=Now() - timedelta(seconds=1))
    assert free is not None
    assert eta(behind).seconds is None
    Job.objects.filter(submission=large).update(lease_expires_at=Now() + timedelta(seconds=60))
    Job.objects.filter(submission=large, kind="shard").update(lease_expires_at=Now() - timedelta(seconds=1))
    assert eta(behind).seconds == pytest.approx(free, abs=1), "the evaluation's worker is free then"


def test_what_several_workers_took_is_what_one_would_take(make_submission: Make, worker_token: WorkerToken) -> None:
    past = ran(made.split(make_submission("org/past"), 3), start=20, evaluation=100)
    shards = Job.objects.filter(submission=past, kind="shard")
    shards.filter(shard=1).update(evaluating_at=F("finished_at") - timedelta(seconds=60))
    shards.filter(shard=2).update(claimed_at=None, evaluating_at=None)
    there(worker_token)
    assert eta(make_submission("org/next")).seconds == 20 + 100 + 60
