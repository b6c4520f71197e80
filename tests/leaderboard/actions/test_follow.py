"""New revisions of followed models are submitted as before, for their owner, under a budget; a mirror is the Hub."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from pytest_django import Settings as DjangoSettings
from pytest_django.asserts import assertRedirects

from evaluator.contract import Settings
from evaluator.hub import HubError
from leaderboard import tasks
from leaderboard.actions import follow as following
from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import Forbidden, NotFound, Refused
from leaderboard.actions.follow import follow, submit_new_revisions, unfollow
from leaderboard.actions.forget_person import forget_person
from leaderboard.actions.submit import submit
from leaderboard.actions.transitions import move_submission
from leaderboard.actions.validate import validate
from leaderboard.models import Audit, Follow, Owner, RoutineRun, Submission, Suite, User
from leaderboard.queries import site
from tests.evaluator.fake_hub import safetensors

pytestmark = pytest.mark.django_db
SETTINGS = Settings(dtype="float32")


@pytest.fixture
def mirror(tmp_path: Path, settings: DjangoSettings) -> Path:
    settings.HUB_MIRRORS = (tmp_path,)
    return tmp_path


def publish(mirror: Path, name: str, width: int) -> None:
    """Weights that are another revision for another width."""
    folder = mirror / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 2048}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(safetensors({"w": ("F32", (16, width))}))


def submitted(owner: Owner, mirror: Path, name: str = "org/model") -> Submission:
    """A submission of the first revision that has ended."""
    assert owner.user is not None
    publish(mirror, name, 1)
    row = submit(owner=owner, submitter=owner.user, suite="tiny@1", model=name, settings=SETTINGS)
    validate(submission=row.pk)
    move_submission(submission=row.pk, before="queued", after="cancelled", actor="test")
    row.refresh_from_db()
    return row


@pytest.fixture
def first(owner: Owner, suite: Suite, mirror: Path) -> Submission:
    return submitted(owner, mirror)


@pytest.fixture
def followed(first: Submission, person: User) -> Follow:
    return follow(submission=first.pk, owner=first.owner, by=person)


def due() -> None:
    Follow.objects.update(looked_at=Now() - timedelta(days=1))


def test_a_new_revision_is_submitted_as_before(followed: Follow, first: Submission, mirror: Path) -> None:
    assert submit_new_revisions() == 0
    publish(mirror, "org/model", 2)
    assert submit_new_revisions() == 0, "it was looked at a moment ago"
    due()
    assert submit_new_revisions() == 1
    new = Submission.objects.latest("pk")
    followed.refresh_from_db()
    assert (new.owner, new.suite, new.settings) == (first.owner, first.suite, first.settings)
    assert first.revision is not None
    assert new.requested_revision == followed.seen != first.revision.sha
    assert (followed.last, followed.problem) == (new, "")
    validate(submission=new.pk)
    new.refresh_from_db()
    assert new.state == "queued"
    due()
    assert submit_new_revisions() == 0


def test_what_was_measured_already_is_not_submitted(followed: Follow, first: Submission, mirror: Path) -> None:
    publish(mirror, "org/model", 2)
    assert first.submitter is not None
    row = submit(owner=first.owner, submitter=first.submitter, suite="tiny@1", model="org/model", settings=SETTINGS)
    validate(submission=row.pk)
    assert submit_new_revisions() == 0
    assert Submission.objects.count() == 2
    followed.refresh_from_db()
    assert row.pk and followed.seen == Submission.objects.get(pk=row.pk).revision.sha  # type: ignore[union-attr]


def test_no_more_than_the_budget_of_a_day(
    first: Submission, person: User, mirror: Path, settings: DjangoSettings
) -> None:
    settings.FOLLOW_DAY = 2
    names = [f"org/model-{number}" for number in range(3)]
    for name in names:
        follow(submission=submitted(first.owner, mirror, name).pk, owner=first.owner, by=person)
        publish(mirror, name, 2)
    assert submit_new_revisions() == 2
    [waits] = Follow.objects.exclude(problem="")
    assert (waits.model, "budget of 2" in waits.problem) == (names[2], True)
    due()
    assert submit_new_revisions() == 0
    Follow.objects.filter(submitted_at__isnull=False).update(submitted_at=Now() - timedelta(days=1))
    due()
    assert submit_new_revisions() == 1
    assert not Follow.objects.exclude(problem="").exists()


def test_one_revision_of_a_model_a_day(followed: Follow, mirror: Path) -> None:
    for width, expected in ((2, 1), (3, 0)):
        publish(mirror, "org/model", width)
        due()
        assert submit_new_revisions() == expected
    followed.refresh_from_db()
    assert "submitted today" in followed.problem
    Follow.objects.update(submitted_at=Now() - timedelta(days=1))
    due()
    assert submit_new_revisions() == 1


def test_a_full_quota_is_told_and_tried_again(followed: Follow, mirror: Path, settings: DjangoSettings) -> None:
    publish(mirror, "org/model", 2)
    settings.CAPS = {**settings.CAPS, "day": 0}
    assert submit_new_revisions() == 0
    followed.refresh_from_db()
    assert "its cap of submissions today is 0" in followed.problem
    settings.CAPS = {**settings.CAPS, "day": 10}
    due()
    assert submit_new_revisions() == 1


def test_nothing_while_the_site_is_read_only_or_the_budget_is_zero(
    followed: Follow, mirror: Path, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror, "org/model", 2)
    settings.FOLLOW_DAY = 0
    assert submit_new_revisions() == 0
    settings.FOLLOW_DAY = 5
    monkeypatch.setattr(following, "state", lambda: site.State(read_only=True))
    assert submit_new_revisions() == 0


def test_a_hub_that_does_not_answer_is_asked_once(followed: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def away(name: str, **_: object) -> None:
        asked.append(name)
        raise HubError("hub_unreachable", "The Hub does not answer.")

    other = Follow.objects.get()
    other.pk, other.model = None, "org/other"
    other.save()
    monkeypatch.setattr(following.hub, "pin", away)
    tasks.follow()
    assert asked == ["org/model"]
    followed.refresh_from_db()
    assert followed.problem == "The Hub does not answer."
    assert RoutineRun.objects.get().said == "nothing to do"


def test_who_may_follow(first: Submission, person: User) -> None:
    stranger, root = (
        create_person(username="grace", password=None),
        create_person(username="root", password=None, staff=True),
    )
    with pytest.raises(Forbidden):
        follow(submission=first.pk, owner=stranger.owner, by=stranger)
    mine = follow(submission=first.pk, owner=first.owner, by=person)
    assert follow(submission=first.pk, owner=first.owner, by=person) == mine, "once"
    assert follow(submission=first.pk, owner=root.owner, by=root) != mine
    with pytest.raises(NotFound):
        unfollow(follow=mine.pk, owner=stranger.owner)
    with pytest.raises(NotFound):
        follow(submission=10**6, owner=first.owner, by=person)
    Submission.objects.get().revision.__class__.objects.update(source="endpoint")
    with pytest.raises(Refused):
        follow(submission=first.pk, owner=first.owner, by=person)
    forget_person(user=person)
    assert list(Follow.objects.values_list("owner__name", flat=True)) == ["root"]


def test_the_button_and_the_staffs_list(first: Submission, person: User, client: Client) -> None:
    page, button = reverse("submission", args=[first.pk]), reverse("follow", args=[first.pk])
    assert b"Follow the model" not in client.get(page).content
    client.force_login(person)
    assert b"Follow the model" in client.get(page).content
    assertRedirects(client.post(button), page)
    assert b"Stop following" in client.get(page).content
    client.post(button, {"act": "stop"})
    assert not Follow.objects.exists()
    client.post(button)
    root = Client()
    root.force_login(create_person(username="root", password=None, staff=True))
    listed = root.get("/staff").content.decode()
    assert "Followed models" in listed and "hourly at :25" in listed and "daily at 04:20 UTC" in listed
    root.post(reverse("staff-follow", args=[Follow.objects.get().pk]), {"reason": "too dear"})
    assert not Follow.objects.exists()
    assert Audit.objects.get().action == "stop_following"
