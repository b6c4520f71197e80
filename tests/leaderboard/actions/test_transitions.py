from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from leaderboard.actions.transitions import IllegalMove, move_job, move_submission
from leaderboard.models import Event, Job, Submission
from leaderboard.models.submissions import JOB_MOVES, SUBMISSION_MOVES

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.mark.parametrize("before", SUBMISSION_MOVES)
@pytest.mark.parametrize("after", SUBMISSION_MOVES)
def test_exactly_the_listed_moves_of_a_submission_happen(make_submission: Make, before: str, after: str) -> None:
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(state=before)
    if after in SUBMISSION_MOVES[before]:
        move_submission(submission=row.pk, before=before, after=after, actor="test", reason="because")
        event = Event.objects.get()
        assert (event.before, event.after, event.actor, event.reason) == (before, after, "test", "because")
    else:
        with pytest.raises(IllegalMove):
            move_submission(submission=row.pk, before=before, after=after, actor="test")
        assert not Event.objects.exists()


def test_the_loser_of_a_race_is_refused(make_submission: Make) -> None:
    row = make_submission()
    move_submission(submission=row.pk, before="queued", after="cancelled", actor="first")
    with pytest.raises(IllegalMove):
        move_submission(submission=row.pk, before="queued", after="running", actor="second")
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert row.finished_at is not None


@pytest.mark.parametrize("before", JOB_MOVES)
@pytest.mark.parametrize("after", JOB_MOVES)
def test_exactly_the_listed_moves_of_a_job_happen(make_submission: Make, before: str, after: str) -> None:
    job = make_submission().jobs.get()
    lease = job.created_at if before == "running" else None
    Job.objects.filter(pk=job.pk).update(state=before, lease_expires_at=lease)
    changes = {"lease_expires_at": job.created_at} if after == "running" else {}
    if after in JOB_MOVES[before]:
        move_job(job=job, before=before, after=after, actor="test", **changes)
        job.refresh_from_db()
        assert (job.state, job.lease_expires_at is not None) == (after, after == "running")
    else:
        with pytest.raises(IllegalMove):
            move_job(job=job, before=before, after=after, actor="test", **changes)


def test_a_job_of_an_older_attempt_does_not_move(make_submission: Make) -> None:
    job = make_submission().jobs.get()
    Job.objects.filter(pk=job.pk).update(attempt=2)
    with pytest.raises(IllegalMove):
        move_job(job=job, before="queued", after="cancelled", actor="test")


def test_a_job_that_somebody_else_has_moved_does_not_move(make_submission: Make) -> None:
    job = make_submission().jobs.get()
    Job.objects.filter(pk=job.pk).update(state="paused")
    with pytest.raises(IllegalMove):
        move_job(job=job, before="queued", after="cancelled", actor="test")
    assert not Event.objects.filter(job=job).exists()


def test_the_table_itself_refuses_a_lease_without_running(make_submission: Make) -> None:
    job = make_submission().jobs.get()
    with pytest.raises(IntegrityError, match="job_lease_exactly_while_running"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(lease_expires_at=job.created_at)
    with pytest.raises(IntegrityError, match="job_lease_exactly_while_running"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state="running")
