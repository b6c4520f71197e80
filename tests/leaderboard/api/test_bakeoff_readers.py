"""`/api/v1/bakeoffs/1/readers/`: people are let in and taken off; `stops` in the API of bake-offs."""

from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.accounts import create_person
from leaderboard.models import Audit, Bakeoff, BakeoffReader, Owner, User, WorkloadSuite
from tests.leaderboard import bakeoffs

pytestmark = pytest.mark.django_db
MODELS = [{"model": "org/good", "revision": "f" * 40}, {"model": "org/bad", "revision": "f" * 40}]


@pytest.fixture
def headers(api_token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api_token}"}


@pytest.fixture
def grace(db: None) -> User:
    return create_person(username="grace", password=None)


def post(client: Client, headers: dict[str, str], path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json", headers=headers)


def test_let_in_listed_and_taken_off(client: Client, headers: dict[str, str], owner: Owner, grace: User) -> None:
    made = bakeoffs.begun(bakeoffs.kept(owner), "org/good", "org/bad")
    path = f"/api/v1/bakeoffs/{made.pk}/readers/"
    reply = post(client, headers, path, {"username": "grace"})
    assert (reply.status_code, reply["Cache-Control"]) == (201, "no-store")
    assert (reply.json()["id"], reply.json()["username"]) == (grace.pk, "grace")
    listed = client.get(path, headers=headers).json()["results"]
    assert [one["username"] for one in listed] == ["grace"]
    assert client.delete(f"{path}{grace.pk}/", headers=headers).status_code == 204
    assert client.delete(f"{path}{grace.pk}/", headers=headers).status_code == 404
    assert not BakeoffReader.objects.exists()
    assert list(Audit.objects.values_list("action", flat=True)) == ["share_bakeoff", "unshare_bakeoff"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"username": "nobody"}, 404, "username"),
        ({}, 400, "username"),
        ({"username": "grace", "role": "owner"}, 400, "role"),
        ({"username": "ada"}, 409, "username"),
    ],
)
def test_what_cannot_be_is_told_by_its_field(
    client: Client, headers: dict[str, str], owner: Owner, grace: User, body: Any, status: int, field: str
) -> None:
    made = bakeoffs.begun(bakeoffs.kept(owner), "org/good", "org/bad")
    reply = post(client, headers, f"/api/v1/bakeoffs/{made.pk}/readers/", body)
    assert (reply.status_code, reply.json()["field"]) == (status, field), reply.json()
    assert not BakeoffReader.objects.exists()


def test_a_bakeoff_that_stops(client: Client, headers: dict[str, str], owner: Owner) -> None:
    workload = bakeoffs.kept(owner).workload_id
    made = post(client, headers, "/api/v1/bakeoffs/", {"workload": workload, "models": MODELS, "stops": True})
    assert made.status_code == 201, made.json()
    assert Bakeoff.objects.get().stops and WorkloadSuite.objects.get().shuffled
    assert client.get(f"/api/v1/bakeoffs/{made.json()['id']}/", headers=headers).json()["stops"] is True
    assert [one["stops"] for one in client.get("/api/v1/bakeoffs/", headers=headers).json()["results"]] == [True]
