"""The owner's button on what has ended."""

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings
from pytest_django.asserts import assertRedirects

from leaderboard.models import Owner, Submission, Suite, WorkerToken
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(owner: Owner, suite: Suite, worker_token: WorkerToken) -> Submission:
    return made.failed(owner, worker_token)


@pytest.fixture
def pages(failed: Submission, member: Client, stranger: Client, client: Client) -> list[Client]:
    return [member, stranger, client]


def test_its_owner_has_the_button_and_it_leads_to_the_new_one(failed: Submission, pages: list[Client]) -> None:
    path = f"/submissions/{failed.pk}"
    shown = [[one.text for one in tree(who.get(path)).one("div", id="actions").all("button")] for who in pages]
    assert shown == [["Try again", "Follow the model"], [], []]
    member = pages[0]
    reply = member.post(tree(member.get(path)).one("div", id="actions").all("form", method="post")[0]["action"])
    new = Submission.objects.get(retry_of=failed)
    assertRedirects(reply, f"/submissions/{new.pk}")
    assert tree(member.get(path)).links()[f"submission {new.pk}"] == f"/submissions/{new.pk}"
    assert tree(member.get(f"/submissions/{new.pk}")).links()[f"submission {failed.pk}"] == path


def test_the_button_appears_when_it_ends_under_ones_eyes(failed: Submission, pages: list[Client]) -> None:
    part = pages[0].get(f"/submissions/{failed.pk}", headers={"HX-Request": "true"})
    assert tree(part).one("div", id="actions").all("button")[0].text == "Try again"


def test_what_succeeded_is_measured_again(member: Client, make_submission: made.Make) -> None:
    row = made.succeed(make_submission(), 50.0)
    assert tree(member.get(f"/submissions/{row.pk}")).one("div", id="actions").all("button")[0].text == "Measure again"


def test_refusals_of_the_button_are_in_words(failed: Submission, pages: list[Client], settings: DjangoSettings) -> None:
    member, stranger, client = pages
    path = f"/submissions/{failed.pk}/retry"
    assert stranger.post(path).status_code == 404
    assert client.post(path)["Location"] == f"/login?next={path}"
    settings.CAPS = {**settings.CAPS, "day": 1}
    reply = member.post(path)
    assert reply.status_code == 429
    assert int(reply["Retry-After"]) > 0
    assert "This account has used 1 of 1 submissions today" in tree(reply).one("main").text
    assert not Submission.objects.filter(retry_of=failed).exists()


def test_without_the_pages_token_nothing_is_tried_again(failed: Submission) -> None:
    client = Client(enforce_csrf_checks=True)
    assert failed.submitter
    client.force_login(failed.submitter)
    assert client.post(f"/submissions/{failed.pk}/retry").status_code == 403
    assert not Submission.objects.filter(retry_of=failed).exists()
