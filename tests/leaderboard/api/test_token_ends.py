"""Tokens that end by themselves, by the database's clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard import tokens
from leaderboard.actions.accounts import create_api_token, register_worker_token, revoke_api_token
from leaderboard.api import waiting
from leaderboard.models import ApiToken, Job, Submission, Suite, User, WorkerToken
from leaderboard.queries.tokens import api_token as token_with
from tests.conftest import WORKER_SECRET

pytestmark = pytest.mark.django_db
BODY = {"suite": "tiny@1", "model": "org/model"}
CLAIM = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}
SECOND = timedelta(seconds=1)


def submit(token: str) -> tuple[int, dict[str, str]]:
    headers = {"authorization": f"Bearer {token}"}
    reply = Client().post("/api/v1/submissions/", BODY, content_type="application/json", headers=headers)
    return reply.status_code, reply.json()


def claim(query: str = "") -> tuple[int, dict[str, str]]:
    headers = {"authorization": f"Bearer {WORKER_SECRET}"}
    reply = Client().post(f"/api/worker/v1/claims/{query}", CLAIM, content_type="application/json", headers=headers)
    assert reply.status_code != 401 or reply["WWW-Authenticate"]
    return reply.status_code, reply.json() if reply.content else {}


def test_an_api_token_works_until_its_end_and_then_says_so(api_token: str, suite: Suite) -> None:
    ApiToken.objects.update(expires_at=Now() + timedelta(minutes=1))
    assert submit(api_token)[0] == 201
    ApiToken.objects.update(expires_at=Now() - SECOND)
    status, body = submit(api_token)
    assert (status, body["code"]) == (401, "token_expired")
    assert "expired on" in body["message"] and "UTC" in body["message"]
    assert Submission.objects.count() == 1


def test_an_api_token_that_expired_reads_nothing_either(client: Client, api_token: str) -> None:
    ApiToken.objects.update(expires_at=Now() - SECOND)
    headers = {"authorization": f"Bearer {api_token}"}
    assert client.get("/api/v1/quota/", headers=headers).json()["code"] == "token_expired"


def test_a_workers_token_works_until_its_end_and_then_says_so(worker_token: WorkerToken) -> None:
    WorkerToken.objects.update(expires_at=Now() + timedelta(minutes=1))
    assert claim()[0] == 204
    WorkerToken.objects.update(expires_at=Now() - SECOND)
    status, body = claim()
    assert (status, body["code"]) == (401, "token_expired")
    assert "expired on" in body["message"]


@pytest.mark.parametrize("ended", [{"revoked_at": Now()}, {"expires_at": Now() - SECOND}])
def test_a_token_that_ends_while_its_claim_waits_gets_no_job(
    worker_token: WorkerToken,
    make_submission: Callable[..., Submission],
    monkeypatch: pytest.MonkeyPatch,
    ended: dict[str, Any],
) -> None:
    def sleep(_: float) -> None:
        WorkerToken.objects.update(**ended)
        make_submission()

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    monkeypatch.setattr(waiting, "close_old_connections", lambda: None)  # the test's own transaction stays open
    status, body = claim("?wait=20")
    assert (status, body["code"]) == (401, "unauthorised")
    assert Job.objects.get().state == Job.State.QUEUED


@pytest.mark.parametrize("now", [datetime(1999, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)])
def test_this_hosts_clock_decides_nothing(
    api_token: str, suite: Suite, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    ApiToken.objects.update(expires_at=Now() + timedelta(minutes=1))
    assert submit(api_token)[0] == 201
    ApiToken.objects.update(expires_at=Now() - SECOND)
    assert submit(api_token)[0] == 401


def test_a_revoked_token_that_also_expired_is_wrong_and_says_no_more(api_token: str) -> None:
    ApiToken.objects.update(expires_at=Now() - SECOND, revoked_at=Now())
    assert submit(api_token)[1]["code"] == "authentication_failed"


def days_left(row: ApiToken | WorkerToken) -> float:
    assert row.expires_at
    return (row.expires_at - datetime.now(UTC)) / timedelta(days=1)


def test_a_lifetime_begins_now_and_none_is_for_ever(person: User) -> None:
    token = create_api_token(owner=person.owner, user=person, name="a", lifetime=timedelta(days=2))
    row = ApiToken.objects.get()
    assert days_left(row) == pytest.approx(2, abs=0.01)
    create_api_token(owner=person.owner, user=person, name="a", token=token)
    row.refresh_from_db()
    assert row.expires_at is None
    worker = register_worker_token(name="w", token="t", trusted=False, lifetime=timedelta(days=3))
    worker.refresh_from_db()
    assert days_left(worker) == pytest.approx(3, abs=0.01)
    register_worker_token(name="w", token="t", trusted=False)
    worker.refresh_from_db()
    assert worker.expires_at is None


def test_commands_take_days(settings: DjangoSettings) -> None:
    call_command("create_token", "grace", "--days", "30", stdout=StringIO())
    call_command("bootstrap", "--days", "90", stdout=StringIO())
    assert days_left(ApiToken.objects.get()) == pytest.approx(30, abs=0.01)
    assert days_left(WorkerToken.objects.get()) == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize("days", ["0", "-1", "3651", "99999999999", "1.5", "x", "²", ""])
def test_a_senseless_number_of_days_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="from 1 to 3650 days"):
        call_command("create_token", "grace", f"--days={days}", stdout=StringIO())
    assert not ApiToken.objects.exists()


def test_a_token_comes_with_its_user_and_owner_in_one_query(
    api_token: str, person: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    row = ApiToken.objects.get()
    ApiToken.objects.update(expires_at=Now() + timedelta(minutes=1))
    row.refresh_from_db()
    with django_assert_num_queries(1):
        found = token_with(tokens.digest(api_token))
        assert found is not None and not found[1]
        token, user, owner = found[0], found[0].user, found[0].owner
        values = [[getattr(one, field.attname) for field in one._meta.concrete_fields] for one in (token, user, owner)]
    for one, fresh in zip(values, (row, person, person.owner), strict=True):
        fresh.refresh_from_db()
        assert one == [getattr(fresh, field.attname) for field in fresh._meta.concrete_fields]
    assert token_with("0" * 64) is None


def test_a_token_is_wrong_at_once_when_it_is_revoked_or_its_user_shut_out(
    client: Client, api_token: str, person: User
) -> None:
    headers = {"authorization": f"Bearer {api_token}"}
    assert client.get("/api/v1/quota/", headers=headers).status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/api/v1/quota/", headers=headers).status_code == 401
    User.objects.update(is_active=True)
    revoke_api_token(token=ApiToken.objects.get())
    assert client.get("/api/v1/quota/", headers=headers).status_code == 401
