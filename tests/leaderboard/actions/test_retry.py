"""Trying an ended submission again."""

from collections.abc import Callable

import pytest
from pytest_django import Settings as DjangoSettings

from evaluator.contract import Settings
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, NotFound, TooMany
from leaderboard.actions.retry import retry
from leaderboard.models import Owner, Submission, Suite, Usage, WorkerToken
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
LIVE = ["validating", "queued", "running", "scoring"]
AGAIN = ["succeeded", "rejected", "failed", "cancelled", "retracted"]


def again(row: Submission) -> Submission:
    assert row.owner.user
    return retry(submission=row.pk, owner=row.owner, submitter=row.owner.user)


@pytest.fixture
def failed(owner: Owner, suite: Suite, worker_token: WorkerToken) -> Submission:
    return made.failed(owner, worker_token, revision="v1", settings=Settings(dtype="float32", max_length=2048))


def test_it_is_the_same_request_in_a_submission_of_its_own(failed: Submission) -> None:
    new = again(failed)
    same = ("requested_model", "requested_revision", "suite", "settings", "settings_digest", "owner", "submitter")
    assert [getattr(new, name) for name in same] == [getattr(failed, name) for name in same]
    assert (new.retry_of, new.state, new.revision) == (failed, "validating", None)
    failed.refresh_from_db()
    assert (failed.state, failed.error_message) == ("failed", "It said why.")


def test_both_timelines_name_the_other(failed: Submission) -> None:
    new = again(failed)
    told = failed.events.last()
    assert told and (told.before, told.after) == ("failed", "failed")
    assert told.reason == f"tried again as submission {new.pk}"
    assert new.events.get().reason == f"submission {failed.pk} tried again"


def test_it_is_charged_like_any_other(failed: Submission, settings: DjangoSettings) -> None:
    settings.CAPS = {**settings.CAPS, "day": 2}
    cancel(submission=again(failed).pk, owner=failed.owner)
    Usage.objects.filter(period="day").update(used=2)
    with pytest.raises(TooMany):
        again(failed)
    assert failed.retries.count() == 1
    assert failed.events.filter(reason__startswith="tried again").count() == 1


def test_what_is_under_way_again_already_is_a_duplicate(failed: Submission) -> None:
    first = again(failed)
    with pytest.raises(Conflict) as refusal:
        again(failed)
    assert (refusal.value.code, refusal.value.url) == ("duplicate_submission", f"/submissions/{first.pk}")


@pytest.mark.parametrize("state", AGAIN)
def test_whatever_has_ended_can_be_tried_again(make_submission: Make, worker_token: WorkerToken, state: str) -> None:
    row = made.in_state(state, make_submission, worker_token)
    assert again(row).retry_of == row


@pytest.mark.parametrize(("score", "fresh"), [(50.0, True), (None, False)])
def test_what_has_a_score_is_measured_and_not_copied(make_submission: Make, score: float | None, fresh: bool) -> None:
    """One that lacks a task goes on from what is there."""
    row = made.succeed(make_submission(), score)
    assert again(row).fresh is fresh


def test_a_run_that_asked_everything_asks_everything_again(make_submission: Make) -> None:
    row = made.end(make_submission(), "failed", fresh=True)
    assert again(row).fresh is True


@pytest.mark.parametrize("state", [*LIVE, "quarantined"])
def test_what_has_not_ended_cannot(make_submission: Make, worker_token: WorkerToken, state: str) -> None:
    row = made.in_state(state, make_submission, worker_token)
    with pytest.raises(Conflict) as refusal:
        again(row)
    assert refusal.value.code == "not_ended"


def test_others_submissions_are_not_there(failed: Submission) -> None:
    other = Owner.objects.create(kind="organisation", name="acme")
    assert failed.submitter
    for number in (failed.pk, failed.pk + 999, 2**70):
        with pytest.raises(NotFound):
            retry(submission=number, owner=other, submitter=failed.submitter)
