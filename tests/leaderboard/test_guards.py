"""What the database itself refuses, whatever the code above it does."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from leaderboard.models import Event, Job, Submission, Suite, SuiteTask
from leaderboard.models.submissions import SUBMISSION_MOVES

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def refused(change: Callable[[], object]) -> bool:
    try:
        with transaction.atomic():
            change()
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("before", ["rejected", "failed", "cancelled", "retracted", "succeeded"])
@pytest.mark.parametrize("after", SUBMISSION_MOVES)
def test_a_final_state_is_left_only_as_listed(make_submission: Make, before: str, after: str) -> None:
    row = Submission.objects.filter(pk=make_submission().pk)
    row.update(state=before)
    allowed = before == after or after in SUBMISSION_MOVES[before]
    assert refused(lambda: row.update(state=after)) == (not allowed)


def test_a_final_score_does_not_change(make_submission: Make) -> None:
    row = Submission.objects.filter(pk=make_submission().pk)
    row.update(state="succeeded", score=50.0)
    assert refused(lambda: row.update(score=99.0))


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_a_final_job_stays(make_submission: Make, state: str) -> None:
    job = Job.objects.filter(pk=make_submission().jobs.get().pk)
    job.update(state=state)
    assert refused(lambda: job.update(state="queued"))


def test_an_attempt_only_grows(make_submission: Make) -> None:
    job = Job.objects.filter(pk=make_submission().jobs.get().pk)
    job.update(attempt=2)
    assert refused(lambda: job.update(attempt=1))


def test_history_and_released_suites_are_not_rewritten(make_submission: Make, suite: Suite) -> None:
    Event.objects.create(submission=make_submission(), actor="a", after="queued")
    assert refused(lambda: Event.objects.update(reason="another"))
    assert refused(lambda: Suite.objects.update(title="Another"))
    assert refused(lambda: SuiteTask.objects.update(baseline=0.5))
