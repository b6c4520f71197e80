"""Clocks of the site's hosts that go wrong by a day: leases are the database's alone, whichever host looks."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from evaluator.contract import Heartbeat
from leaderboard.actions import lease
from leaderboard.models import Job, Submission, Worker, WorkerToken
from tests.leaderboard.actions.test_lease import claim

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(params=[-DAY, DAY], ids=["a day slow", "a day fast"])
def skewed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """This process' clocks are wrong; the database's is right."""
    by: timedelta = request.param
    right, wall = timezone.now, time.time

    def now() -> datetime:
        return right() + by

    monkeypatch.setattr(timezone, "now", now)
    monkeypatch.setattr(time, "time", lambda: wall() + by.total_seconds())
    return by


def left() -> float:
    """Seconds of the lease, by the database's clock."""
    found = Job.objects.annotate(left=F("lease_expires_at") - Now()).get()
    return float(found.left.total_seconds())


def waiting(make_submission: Callable[..., Submission]) -> None:
    """A submission whose job waits since now by the database's clock, as the validator leaves it."""
    make_submission()
    Job.objects.update(not_before=Now())


def test_a_lease_lasts_as_long_as_it_should(
    make_submission: Callable[..., Submission], worker_token: WorkerToken, skewed: timedelta
) -> None:
    waiting(make_submission)
    spec = claim(worker_token)
    assert spec.lease_seconds - 5 < left() <= spec.lease_seconds
    assert lease.expire_leases() == 0 and lease.end_overtime() == 0
    lease.heartbeat(job=spec.job, token=spec.token, beat=Heartbeat(attempt=1, phase="evaluating", done=1, total=2))
    assert spec.lease_seconds - 5 < left() <= spec.lease_seconds
    assert Worker.objects.filter(last_seen_at__gt=Now() - timedelta(seconds=5), last_seen_at__lte=Now()).exists()


def test_a_lease_that_is_out_is_taken_back(
    make_submission: Callable[..., Submission], worker_token: WorkerToken, skewed: timedelta
) -> None:
    waiting(make_submission)
    spec = claim(worker_token)
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert lease.expire_leases() == 1
    Job.objects.update(not_before=Now())
    assert claim(worker_token).attempt == spec.attempt + 1, "and given out again"


def test_what_waits_for_another_try_waits_by_the_same_clock(
    make_submission: Callable[..., Submission], worker_token: WorkerToken, skewed: timedelta
) -> None:
    make_submission()
    Job.objects.update(not_before=Now() + timedelta(seconds=60))
    assert lease.claim(token=worker_token, request=request_of()) is None
    Job.objects.update(not_before=Now() - timedelta(seconds=1))
    assert lease.claim(token=worker_token, request=request_of()) is not None


def request_of() -> lease.ClaimRequest:
    return lease.ClaimRequest(worker="w1", queues=("cpu",), engines=("vllm",))
