"""A copy of one's data, and the end of an account."""

from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from pytest_django.asserts import assertRedirects

from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.actions.keep_workload import make_workload
from leaderboard.actions.organisations import make_organisation
from leaderboard.actions.webhooks import add_webhook
from leaderboard.models import ApiToken, Audit, Owner, Submission, Suite, User, Webhook, Workload
from tests.leaderboard.pages import made
from tests.leaderboard.permissions.objects import ITEMS

pytestmark = pytest.mark.django_db
LOGIN = {"login": "edsger", "password": "goto considered"}
CANARY = "edsger@example.org"


@pytest.fixture
def edsger(suite: Suite, files: Path) -> User:
    user = create_person(username="edsger", password=LOGIN["password"], email=CANARY)
    create_api_token(owner=user.owner, user=user, name="nightly")
    add_webhook(owner=user.owner, url="https://hooks.example.org/edsger")
    make_workload(owner=user.owner, maker=user, name="Sums", scoring={"kind": "exact"}, items=ITEMS)
    return user


@pytest.fixture
def inside(edsger: User) -> Client:
    client = Client()
    client.post("/login", LOGIN)
    return client


def test_a_copy_has_everything_and_no_secret(inside: Client, edsger: User, person: User) -> None:
    reply = inside.get("/settings/data.json")
    assert reply["Content-Disposition"].startswith("attachment") and "no-store" in reply["Cache-Control"]
    found = reply.json()
    assert found["account"]["email"] == CANARY and found["emails"][0]["verified"]
    assert [one["name"] for one in found["tokens"]] == ["nightly"]
    assert [one["messages"][0]["content"] for one in found["workloads"][0]["items"]] == [one["prompt"] for one in ITEMS]
    assert found["webhooks"][0]["url"].endswith("/edsger") and len(found["sessions"]) == 1
    text = reply.content.decode()
    for secret in (edsger.password, ApiToken.objects.get().digest, Webhook.objects.get().secret, "session_key"):
        assert secret not in text
    assert "ada" not in text


def test_an_account_is_deleted_with_what_is_private_and_without_what_was_measured(
    inside: Client, edsger: User, make_submission: Callable[..., Submission]
) -> None:
    ended = made.succeed(make_submission("org/ended"), 50.0)
    live = make_submission("org/live")
    Submission.objects.update(owner=edsger.owner, submitter=edsger)
    assert inside.post("/settings/account/delete", {"secret": "wrong"}).status_code == 400
    assert User.objects.get(pk=edsger.pk).is_active
    assertRedirects(inside.post("/settings/account/delete", {"secret": LOGIN["password"]}), "/")
    assert inside.get("/settings/account").status_code == 302
    user = User.objects.get(pk=edsger.pk)
    assert (user.username, user.email, user.is_active) == (f"deleted-{user.pk}", "", False)
    assert not user.has_usable_password()
    assert not EmailAddress.objects.exists() and not ApiToken.objects.exists() and not Workload.objects.exists()
    assert Webhook.objects.get().disabled_at is not None
    states = dict(Submission.objects.values_list("pk", "state"))
    assert states == {ended.pk: "succeeded", live.pk: "cancelled"}
    page = Client().get(f"/submissions/{ended.pk}").content.decode()
    assert user.username in page and "edsger" not in page
    assert Client().post("/login", LOGIN).status_code == 200
    assert Audit.objects.filter(action="forget_person").count() == 1


def test_the_only_owner_of_an_organisation_hands_it_over_first(inside: Client, edsger: User) -> None:
    make_organisation(name="laboratory", user=edsger)
    reply = inside.post("/settings/account/delete", {"secret": LOGIN["password"]})
    assert reply.status_code == 409 and "only owner of laboratory" in reply.content.decode()
    assert Owner.objects.get(user=edsger).name == "edsger"
