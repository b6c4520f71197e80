import pytest
from django.db import connection

from evaluator.contract import Settings
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.submit import submit
from leaderboard.models import Event, Outbox, Owner, Submission, Suite, User

pytestmark = pytest.mark.django_db


def test_it_waits_for_the_validator_with_its_bell_and_first_event(owner: Owner, person: User, suite: Suite) -> None:
    made = submit(owner=owner, submitter=person, suite="tiny@1", model=" org/model ")
    assert (made.state, made.requested_model, made.requested_revision) == ("validating", "org/model", "main")
    assert Outbox.objects.get().subject == made.pk
    assert [event.after for event in Event.objects.all()] == ["validating"]


def test_the_bell_rings_after_the_commit(
    owner: Owner, person: User, suite: Suite, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")
    assert len(callbacks) == 1


@pytest.mark.parametrize(
    "model", ["", "model", "a/b/c", "a/b,trust_remote_code=True", "../x", "a/b c", "a/" + "b" * 200]
)
def test_a_malformed_id_is_refused_by_its_field(owner: Owner, person: User, suite: Suite, model: str) -> None:
    with pytest.raises(Refused) as refusal:
        submit(owner=owner, submitter=person, suite="tiny@1", model=model)
    assert (refusal.value.code, refusal.value.field) == ("malformed_id", "model")
    assert not Submission.objects.exists()


def test_an_unknown_suite_is_not_found_and_names_the_known(owner: Owner, person: User, suite: Suite) -> None:
    with pytest.raises(NotFound, match="tiny@1"):
        submit(owner=owner, submitter=person, suite="huge@1", model="org/model")


def test_a_duplicate_is_refused_with_the_address_of_the_first(owner: Owner, person: User, suite: Suite) -> None:
    first = submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")
    with pytest.raises(Conflict) as refusal:
        submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")
    assert refusal.value.url == f"/submissions/{first.pk}"
    assert Submission.objects.count() == 1
    with connection.cursor() as cursor:  # the refusal left the transaction usable
        cursor.execute("SELECT 1")


def test_other_settings_are_another_submission(owner: Owner, person: User, suite: Suite) -> None:
    submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")
    submit(owner=owner, submitter=person, suite="tiny@1", model="org/model", settings=Settings(dtype="float32"))
    assert Submission.objects.count() == 2


def test_after_the_end_the_same_may_be_submitted_again(owner: Owner, person: User, suite: Suite) -> None:
    first = submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")
    Submission.objects.filter(pk=first.pk).update(state="rejected")
    submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")
    assert Submission.objects.count() == 2
