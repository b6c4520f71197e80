"""Submitting many, waiting for one, and the smaller lists."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from evaluator.contract import ClaimRequest
from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.actions.introduce import introduce
from leaderboard.api import waiting
from leaderboard.models import Submission, Suite, User, WorkerToken
from leaderboard.rules import RULES
from tests.conftest import release_suite
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.fixture
def caller(api_token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {api_token}"})


def bulk(caller: Client, lines: Any) -> Any:
    return caller.post("/api/v1/submissions/bulk/", {"submissions": lines}, content_type="application/json")


def test_each_line_of_a_bulk_has_its_verdict(caller: Client, suite: Suite) -> None:
    lines = [
        {"suite": "tiny@1", "model": "org/one"},
        {"suite": "tiny@1", "model": "org/one"},
        {"suite": "tiny@1"},
        {"suite": "tiny@9", "model": "org/two"},
        {"suite": "tiny@1", "model": "org/two", "settings": {"dtype": "int3"}},
        "org/three",
        {"suite": "tiny@1", "model": "org/three", "colour": "red"},
        {"suite": "tiny@1", "model": "org/three"},
    ]
    reply = bulk(caller, lines)
    said = reply.json()
    assert (reply.status_code, said["accepted"], said["refused"]) == (200, 2, 6)
    assert [one["status"] for one in said["results"]] == [201, 409, 400, 404, 400, 400, 400, 201]
    assert [one["line"] for one in said["results"]] == list(range(8))
    fields = [one["problem"] and one["problem"].get("field") for one in said["results"]]
    assert fields == [None, None, "model", "suite", "settings.dtype", None, "colour", None]
    assert said["results"][1]["problem"]["url"] == f"/submissions/{said['results'][0]['submission']}"
    assert Submission.objects.count() == 2


@pytest.mark.parametrize("lines", [[], [{}] * 101, "org/model", None])
def test_a_bulk_of_none_or_too_many_is_400(caller: Client, suite: Suite, lines: Any) -> None:
    assert bulk(caller, lines).status_code == 400
    assert Client().post("/api/v1/submissions/bulk/", {}, content_type="application/json").status_code == 401


def test_own_submissions_and_filters(caller: Client, make_submission: Make, suite: Suite) -> None:
    bob = create_person(username="bob", password=None)
    theirs = Client(headers={"authorization": f"Bearer {create_api_token(owner=bob.owner, user=bob, name='t')}"})
    theirs.post("/api/v1/submissions/", {"suite": "tiny@1", "model": "org/bobs"}, content_type="application/json")
    make_submission("org/mine")

    def models(reader: Client, query: str) -> list[str]:
        return [row["model"] for row in reader.get(f"/api/v1/submissions/?{query}").json()["results"]]

    assert models(caller, "") == ["org/mine", "org/bobs"]
    assert (models(caller, "mine=true"), models(theirs, "mine=true")) == (["org/mine"], ["org/bobs"])
    assert models(caller, "state=queued&state=running") == ["org/mine"]
    assert (models(caller, "model=org/bobs"), models(caller, "suite=tiny@2")) == (["org/bobs"], [])
    assert Client().get("/api/v1/submissions/?mine=true").status_code == 401


# Waiting


def test_what_has_ended_is_answered_at_once(client: Client, make_submission: Make) -> None:
    row = made.succeed(make_submission(), 50.0)
    started = time.monotonic()
    assert client.get(f"/api/v1/submissions/{row.pk}/?wait=30").json()["state"] == "succeeded"
    assert time.monotonic() - started < 5


@pytest.mark.django_db(transaction=True)
def test_a_waiting_reply_comes_with_the_change(client: Client, make_submission: Make) -> None:
    row = make_submission()

    def change() -> None:
        time.sleep(0.7)
        Submission.objects.filter(pk=row.pk).update(state="running")
        connection.close()

    thread = threading.Thread(target=change)
    thread.start()
    started = time.monotonic()
    said = client.get(f"/api/v1/submissions/{row.pk}/?wait=20").json()
    took = time.monotonic() - started
    thread.join()
    assert said["state"] == "running"
    assert 0.5 < took < 10


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_longer_than_asked_or_without_a_place(
    client: Client, make_submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/submissions/{make_submission().pk}/"
    started = time.monotonic()
    assert client.get(f"{path}?wait=1").json()["state"] == "queued"
    assert 0.9 < time.monotonic() - started < 5
    monkeypatch.setattr(waiting, "_places", threading.BoundedSemaphore(1))
    with waiting.place() as free:
        assert free
        started = time.monotonic()
        assert client.get(f"{path}?wait=20").status_code == 200
        assert time.monotonic() - started < 5
    for wrong in ("31", "-1", "x", "1.5"):
        assert client.get(f"{path}?wait={wrong}").status_code == 400


# Lists


def test_results_and_the_scores_of_their_items(
    client: Client, make_submission: Make, worker_token: WorkerToken, files: Any
) -> None:
    scores = [1.0, 0.0, 0.5, 1.0]
    row = made.measure(make_submission("org/measured"), worker_token, scores)
    make_submission("org/waits")
    [alpha] = client.get("/api/v1/results/?task=alpha").json()["results"]
    assert (alpha["submission"], alpha["suite"], alpha["model"], alpha["n"]) == (row.pk, "tiny@1", "org/measured", 4)
    assert client.get("/api/v1/results/?model=org/waits").json()["results"] == []
    found = client.get(f"/api/v1/submissions/{row.pk}/items/?task=alpha")
    assert found.json()["scores"] == scores
    assert (len(set(found.json()["item_hashes"])), found.json()["items"]) == (4, alpha["items"])
    again = client.get(f"/api/v1/submissions/{row.pk}/items/?task=alpha", headers={"if-none-match": found["ETag"]})
    assert again.status_code == 304
    assert client.get(f"/api/v1/submissions/{row.pk}/items/?task=x").status_code == 404
    assert client.get(f"/api/v1/submissions/{row.pk}/items/").status_code == 400


def test_a_model_with_its_revisions_and_standings(client: Client, make_submission: Make, suite: Suite) -> None:
    made.ranked(make_submission, suite)
    found = client.get("/api/v1/models/org/best/").json()
    assert (found["name"], [one["suite"] for one in found["standings"]]) == ("org/best", ["tiny@1"])
    assert found["standings"][0]["rank"] == 1
    assert [one["model"] for one in found["submissions"]] == ["org/best"]
    [revision] = client.get("/api/v1/revisions/?model=org/best").json()["results"]
    assert (revision["model"], revision["sha"]) == ("org/best", found["revisions"][0]["sha"])
    assert client.get("/api/v1/models/org/nothing/").status_code == 404
    names = [one["name"] for one in client.get("/api/v1/models/?search=BES").json()["results"]]
    assert names == ["org/best"]


def test_the_changelog_tells_releases_with_what_they_changed(client: Client, suite: Suite) -> None:
    release_suite("Another description.")
    newest, first = (one for one in client.get("/api/v1/changelog/").json()["results"] if one["kind"] != "rule")
    assert (first["kind"], first["suite"], first["text"]) == ("suite", "tiny@1", "Released.")
    assert (newest["suite"], newest["text"]) == ("tiny@2", "Released. Changes: Description changed.")


def test_the_changelog_has_every_rule_since_its_day(client: Client, suite: Suite) -> None:
    listed = [one for one in client.get("/api/v1/changelog/").json()["results"] if one["kind"] == "rule"]
    assert {(one["at"][:10], one["text"]) for one in listed} == {(one.since.isoformat(), one.text) for one in RULES}
    assert [one["at"] for one in listed] == sorted((one["at"] for one in listed), reverse=True)
    page = tree(client.get("/changelog")).one("ol", "log-lines").text
    assert all(one.text in page for one in RULES) and "since 24 Nov 2026" in page


def test_workers_are_for_staff(caller: Client, client: Client, person: User, worker_token: WorkerToken) -> None:
    introduce(token=worker_token, request=ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",)))
    assert (client.get("/api/v1/workers/").status_code, caller.get("/api/v1/workers/").status_code) == (401, 403)
    User.objects.filter(pk=person.pk).update(is_staff=True)
    [found] = caller.get("/api/v1/workers/").json()["results"]
    assert (found["name"], found["token"], found["trusted"]) == ("w", "test", True)
