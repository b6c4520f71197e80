"""Idempotency keys: a request is done once, however often it is sent."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from leaderboard.actions import keep_reply
from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.actions.keep_reply import KEPT, forget_replies, kept_once
from leaderboard.models import KeptReply, Submission, Suite, User, Webhook

pytestmark = pytest.mark.django_db
PATH = "/api/v1/submissions/"
BODY = {"suite": "tiny@1", "model": "org/model"}
Post = Callable[..., Any]


@pytest.fixture
def post(client: Client, api_token: str) -> Post:
    def send(body: Any, key: str | None = "k1", path: str = PATH, token: str = api_token) -> Any:
        headers = {"authorization": f"Bearer {token}"} | ({"idempotency-key": key} if key is not None else {})
        return client.post(path, body, content_type="application/json", headers=headers)

    return send


def test_a_repetition_gets_the_first_reply(post: Post, suite: Suite) -> None:
    first, again = post(BODY), post(dict(reversed(BODY.items())))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (again["Idempotency-Replayed"], "Idempotency-Replayed" in first) == ("true", False)
    assert Submission.objects.count() == 1


def test_without_a_key_nothing_is_kept(post: Post, suite: Suite) -> None:
    assert [post(BODY, key=None).status_code for _ in range(2)] == [201, 409]
    assert not KeptReply.objects.exists()


def test_the_same_key_for_something_else_is_409(post: Post, suite: Suite) -> None:
    post(BODY)
    for reply in (post({**BODY, "model": "org/other"}), post({"url": "https://a.example/"}, path="/api/v1/webhooks/")):
        assert (reply.status_code, reply.json()["code"]) == (409, "idempotency_conflict")
        assert reply.json()["field"] == "Idempotency-Key"
    assert Submission.objects.count() == 1
    assert not Webhook.objects.exists()


def test_what_was_refused_may_be_tried_again(post: Post, suite: Suite) -> None:
    assert post({**BODY, "suite": "later@1"}).status_code == 404
    assert post(BODY).status_code == 201


def test_keys_are_their_owners(post: Post, suite: Suite) -> None:
    bob = create_person(username="bob", password=None)
    theirs = create_api_token(owner=bob.owner, user=bob, name="test")
    first, other = post(BODY), post({**BODY, "model": "org/other"}, token=theirs)
    assert (first.status_code, other.status_code) == (201, 201)
    assert other.json()["owner"] == "bob"


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "ключ", "a\x01"])
def test_a_key_that_is_none_is_400(post: Post, suite: Suite, key: str) -> None:
    assert (reply := post(BODY, key=key)).status_code == 400
    assert reply.json()["field"] == "Idempotency-Key"


def test_a_secret_that_is_kept_is_sealed(post: Post, suite: Suite) -> None:
    first = post({"url": "https://hooks.example.org/"}, path="/api/v1/webhooks/")
    again = post({"url": "https://hooks.example.org/"}, path="/api/v1/webhooks/")
    assert again.json()["secret"] == first.json()["secret"]
    assert first.json()["secret"] not in KeptReply.objects.get().body


def test_after_a_day_a_key_is_new_again(post: Post, suite: Suite) -> None:
    post(BODY)
    assert forget_replies() == 0
    KeptReply.objects.update(created_at=Now() - KEPT)
    assert post({**BODY, "model": "org/other"}).status_code == 201
    KeptReply.objects.update(created_at=Now() - KEPT)
    assert forget_replies() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_the_same_moment_is_409(person: User) -> None:
    inside, ended = threading.Event(), threading.Event()

    def first() -> None:
        with kept_once(owner=person.owner, key="k", digest="d") as kept:
            inside.set()
            ended.wait(10)
            kept.status, kept.body = 201, "{}"
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with pytest.raises(keep_reply.Busy) as refused, kept_once(owner=person.owner, key="k", digest="d"):
        pass
    assert (refused.value.status, refused.value.headers) == (409, {"Retry-After": "1"})
    ended.set()
    thread.join(10)
    with kept_once(owner=person.owner, key="k", digest="d") as kept:
        assert (kept.fresh, kept.status, kept.body) == (False, 201, "{}")
