"""Quotas as programs meet them, alone and all at once."""

from collections.abc import Callable
from threading import Event as Signal

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard.actions import quota, transitions
from leaderboard.actions.cancel import cancel
from leaderboard.actions.submit import submit
from leaderboard.models import Owner, Submission, Suite, Usage
from leaderboard.models.submissions import LIVE
from leaderboard.queries.quota import allowances
from tests.together import together

pytestmark = pytest.mark.slow

PATH = "/api/v1/submissions/"
PARALLEL = 50


def post(token: str, model: str = "org/model") -> Callable[[], tuple[int, str]]:
    """A call that submits; its status and error code."""

    def call() -> tuple[int, str]:
        client = Client(raise_request_exception=False, headers={"authorization": f"Bearer {token}"})
        reply = client.post(PATH, {"suite": "tiny@1", "model": model}, content_type="application/json")
        return reply.status_code, reply.json().get("code", "")

    return call


@pytest.mark.django_db
def test_a_full_quota_is_429_and_says_when_to_come_back(
    client: Client, api_token: str, suite: Suite, settings: DjangoSettings
) -> None:
    settings.CAPS = {**settings.CAPS, "day": 1}
    headers = {"authorization": f"Bearer {api_token}"}
    for status in (201, 429):
        body = {"suite": "tiny@1", "model": f"org/m{status}"}
        reply = client.post(PATH, body, content_type="application/json", headers=headers)
        assert reply.status_code == status
    assert reply.json()["code"] == "quota_exceeded"
    assert "used 1 of 1 submissions today" in reply.json()["message"]
    assert 1 <= int(reply["Retry-After"]) <= 86_401


@pytest.mark.django_db
def test_the_quota_is_told(client: Client, api_token: str, suite: Suite, settings: DjangoSettings) -> None:
    settings.CAPS = {"day": 5, "month": 50, "live": 2}
    post(api_token)()
    reply = client.get("/api/v1/quota/", headers={"authorization": f"Bearer {api_token}"})
    told = reply.json()
    assert {period: (one["used"], one["cap"]) for period, one in told.items()} == {
        "day": (1, 5), "month": (1, 50), "live": (1, 2),
    }  # fmt: skip
    assert told["live"]["resets_at"] is None
    assert told["day"]["resets_at"].endswith("T00:00:00Z")
    assert told["month"]["resets_at"].endswith("-01T00:00:00Z")
    assert client.get("/api/v1/quota/").status_code == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("period", ["day", "month", "live"])
def test_of_fifty_at_once_one_gets_the_last_place(
    api_token: str, owner: Owner, suite: Suite, settings: DjangoSettings, period: str
) -> None:
    settings.CAPS = {**settings.CAPS, period: 3}
    first = [post(api_token, f"org/before{number}")() for number in range(2)]
    assert first == [(201, "")] * 2
    replies = together(*[post(api_token, f"org/m{number}") for number in range(PARALLEL)])
    assert sorted(replies) == [(201, "")] + [(429, "quota_exceeded")] * (PARALLEL - 1)
    assert Submission.objects.count() == 3
    assert {one.period: one.used for one in allowances(owner)} == {"day": 3, "month": 3, "live": 3}
    assert Usage.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_fifty_first_ones_at_once_as_many_as_the_cap_get_in(
    api_token: str, owner: Owner, suite: Suite, settings: DjangoSettings
) -> None:
    """No usage row exists yet: each of the fifty tries to make it."""
    settings.CAPS = {**settings.CAPS, "day": 7}
    replies = together(*[post(api_token, f"org/m{number}") for number in range(PARALLEL)])
    assert sorted(replies) == [(201, "")] * 7 + [(429, "quota_exceeded")] * (PARALLEL - 7)
    assert Usage.objects.get(period="day").used == 7


@pytest.mark.django_db(transaction=True)
def test_of_fifty_equal_ones_at_once_only_the_accepted_one_is_charged(
    api_token: str, owner: Owner, suite: Suite
) -> None:
    replies = together(*[post(api_token)] * PARALLEL)
    assert sorted(replies) == [(201, "")] + [(409, "duplicate_submission")] * (PARALLEL - 1)
    assert {one.period: one.used for one in allowances(owner)} == {"day": 1, "month": 1, "live": 1}


@pytest.mark.django_db(transaction=True)
def test_submitting_what_is_being_cancelled_is_no_deadlock(
    owner: Owner, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new row waits for the old one's transaction, and that one for the owner's usage."""
    assert owner.user
    again = {"owner": owner, "submitter": owner.user, "suite": "tiny@1", "model": "org/model"}
    first = submit(**again)  # type: ignore[arg-type]
    moved, stock = Signal(), quota.release

    def slow(**arguments: object) -> None:
        moved.set()
        Signal().wait(0.4)
        stock(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(transitions.quota, "release", slow)

    def submit_meanwhile() -> Submission:
        assert moved.wait(5)
        return submit(**again)  # type: ignore[arg-type]

    outcomes = together(lambda: cancel(submission=first.pk, owner=owner), submit_meanwhile)
    assert all(isinstance(one, Submission) for one in outcomes), outcomes
    assert {one.period: one.used for one in allowances(owner)} == {"day": 1, "month": 1, "live": 1}


@pytest.mark.django_db(transaction=True)
def test_places_that_get_free_while_others_are_taken_are_all_counted(
    api_token: str, owner: Owner, suite: Suite, settings: DjangoSettings
) -> None:
    settings.CAPS = {**settings.CAPS, "live": 6}
    for number in range(6):
        post(api_token, f"org/before{number}")()
    rows = list(Submission.objects.values_list("pk", flat=True))
    cancels = [lambda pk=pk: cancel(submission=pk, owner=owner) for pk in rows]
    outcomes = together(*cancels, *[post(api_token, f"org/m{number}") for number in range(20)])
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    live = Submission.objects.filter(state__in=LIVE).count()
    assert {one.period: one.used for one in allowances(owner)} == {"day": live, "month": live, "live": live}
