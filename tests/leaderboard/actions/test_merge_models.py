"""Two names of one model become one: results move, and none is lost or changed."""

import pytest
from django.db import DatabaseError, transaction

from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import Conflict, Forbidden, NotFound, Refused
from leaderboard.actions.merge_models import merge_models
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Audit, Fact, Model, Remark, Revision, Submission, Suite, User
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
WHY = "the repository was renamed"


@pytest.fixture
def root(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


def merged(root: User, duplicate: str = "org/old", into: str = "org/new") -> Model:
    return merge_models(duplicate=duplicate, into=into, actor=root, reason=WHY)


def names() -> list[str]:
    return sorted(row.model_name for row in made.rows("tiny@1"))


def test_results_of_other_revisions_move_under_the_name_that_stays(
    root: User, make_submission: made.Make, suite: Suite
) -> None:
    old = made.succeed(make_submission("org/old", sha="b" * 40), 70.0)
    made.succeed(make_submission("org/new"), 60.0)
    build_snapshot(suite=suite)
    assert names() == ["org/new", "org/old"]
    before = Submission.objects.filter(pk=old.pk).values().get()
    assert merged(root).name == "org/new"
    assert names() == ["org/new", "org/new"]
    assert Submission.objects.filter(pk=old.pk).values().get() == before
    assert not Model.everything.filter(name="org/old").exists()
    audit = Audit.objects.get()
    assert (audit.actor, audit.action, audit.subject) == ("root", "merge_models", "org/new")
    assert audit.reason == f"org/old is org/new: {WHY}"


def test_of_the_same_revision_the_latest_result_is_ranked(root: User, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission("org/new"), 60.0)
    later = made.succeed(make_submission("org/old"), 70.0)
    build_snapshot(suite=suite)
    merged(root)
    later.refresh_from_db()
    assert later.revision == Revision.objects.get(model__name="org/new")
    assert [(row.model_name, row.score) for row in made.rows("tiny@1")] == [("org/new", 70.0)]
    with pytest.raises(DatabaseError), transaction.atomic():  # the guards are back
        Submission.objects.filter(pk=later.pk).update(score=99.0)


def test_what_was_said_moves_and_the_survivors_own_word_goes_first(root: User, make_submission: made.Make) -> None:
    old, new = (made.succeed(make_submission(name), 60.0).revision.model for name in ("org/old", "org/new"))  # type: ignore[union-attr]
    said = {"origin": "staff", "source": "its card", "as_of": "2026-01-01"}
    Fact.objects.create(model=old, field="licence", value="mit", **said)
    Fact.objects.create(model=old, field="context_length", value=4096, **said)
    Fact.objects.create(model=new, field="licence", value="apache-2.0", **said)
    Remark.objects.create(kind=Remark.Kind.CONTAMINATION, model=old, reason="seen", by="ada")
    child = made.succeed(make_submission("org/child"), 50.0).revision.model  # type: ignore[union-attr]
    Model.objects.filter(pk=child.pk).update(base_model="org/old")
    merged(root)
    new.refresh_from_db()
    assert (new.licence, new.context_length) == ("apache-2.0", 4096)
    assert Remark.objects.get().model == new
    assert Model.objects.get(pk=child.pk).base_model == "org/new"


def test_nothing_is_merged_while_something_runs_or_without_a_name_or_reason(
    root: User, person: User, make_submission: made.Make
) -> None:
    make_submission("org/old")
    made.succeed(make_submission("org/new"), 60.0)
    with pytest.raises(Conflict, match="is queued"):
        merged(root)
    for duplicate, into in (("org/none", "org/new"), ("org/new", "org/none"), ("", "org/new"), ("\x00", "org/new")):
        with pytest.raises(NotFound):
            merged(root, duplicate, into)
    with pytest.raises(Refused, match="two different"):
        merged(root, "org/new", "org/new")
    with pytest.raises(Forbidden):
        merge_models(duplicate="org/old", into="org/new", actor=person, reason=WHY)
    with pytest.raises(Refused, match="Say why"):
        merge_models(duplicate="org/old", into="org/new", actor=root, reason=" ")
    assert Model.objects.count() == 2 and not Audit.objects.exists()
