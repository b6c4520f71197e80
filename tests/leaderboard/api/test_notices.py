"""Webhooks and deliveries over the API: each owner sees and changes their own."""

import pytest
from django.test import Client

from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.actions.webhooks import add_webhook
from leaderboard.models import Delivery, Owner, Submission, Webhook
from tests.leaderboard.notices import Make, end

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/in"


def bearer(token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def ada(api_token: str) -> Client:
    return bearer(api_token)


@pytest.fixture
def grace(db: None) -> Client:
    user = create_person(username="grace", password=None)
    return bearer(create_api_token(owner=user.owner, user=user, name="test"))


@pytest.fixture
def dead(owner: Owner, make_submission: Make) -> Delivery:
    """One that was given up, and one of another submission that waits."""
    add_webhook(owner=owner, url=URL)
    end(make_submission("org/dead"))
    Delivery.objects.update(state="dead", tries=8, last_error="It answered 500.", last_status=500)
    end(make_submission("org/waiting"))
    return Delivery.objects.get(state="dead")


def test_adding_shows_the_secret_once(ada: Client) -> None:
    reply = ada.post("/api/v1/webhooks/", {"url": URL}, content_type="application/json")
    made = reply.json()
    assert (reply.status_code, reply["Cache-Control"]) == (201, "no-store")
    assert (made["url"], made["disabled_at"], made["secret"][:6]) == (URL, None, "whsec_")
    listed = ada.get("/api/v1/webhooks/")
    assert [one["id"] for one in listed.json()["results"]] == [made["id"]]
    assert set(listed.json()["results"][0]) == {"id", "url", "created_at", "disabled_at"}
    sealed = Webhook.objects.get().secret
    for text in (listed.content.decode(), ada.get("/api/v1/deliveries/").content.decode()):
        assert made["secret"] not in text and sealed not in text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"url": "https://10.0.0.1/"}, 400, "private_address"),
        ({"url": "http://hooks.example.org/"}, 400, "not_https"),
        ({"url": "x" * 501}, 400, "invalid"),
        ({"url": URL, "secret": "mine"}, 400, "invalid"),
        ({}, 400, "invalid"),
    ],
)
def test_what_cannot_be_added_is_refused_in_words(ada: Client, body: object, status: int, code: str) -> None:
    reply = ada.post("/api/v1/webhooks/", body, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.json()["field"] in {"url", "secret"}
    assert not Webhook.objects.exists()


def test_twice_is_409(ada: Client) -> None:
    replies = [ada.post("/api/v1/webhooks/", {"url": URL}, content_type="application/json") for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 409]


def test_deleting_disables(ada: Client, owner: Owner) -> None:
    webhook, _ = add_webhook(owner=owner, url=URL)
    assert ada.delete(f"/api/v1/webhooks/{webhook.pk}/").status_code == 204
    assert ada.delete(f"/api/v1/webhooks/{webhook.pk}/").status_code == 404
    assert ada.get("/api/v1/webhooks/").json()["results"][0]["disabled_at"] is not None


def test_deliveries_are_listed_by_state_and_sent_again(ada: Client, dead: Delivery) -> None:
    assert len(ada.get("/api/v1/deliveries/").json()["results"]) == 2
    (found,) = ada.get("/api/v1/deliveries/?state=dead").json()["results"]
    assert found == {
        "id": dead.pk, "submission": dead.submission_id, "webhook": dead.webhook_id, "url": URL, "email": "",
        "message": f"msg_{dead.key.hex}", "state": "dead", "tries": 8, "last_status": 500,
        "last_error": "It answered 500.", "created_at": found["created_at"], "next_at": found["next_at"],
        "ended_at": None,
    }  # fmt: skip
    reply = ada.post(f"/api/v1/deliveries/{dead.pk}/redeliver/", content_type="application/json")
    assert (reply.status_code, reply.json()["state"], reply.json()["tries"]) == (200, "waiting", 0)
    assert reply.json()["next_at"] is not None
    assert ada.post(f"/api/v1/deliveries/{dead.pk}/redeliver/", content_type="application/json").status_code == 409
    assert len(ada.get("/api/v1/deliveries/?state=dead").json()["results"]) == 0


@pytest.mark.parametrize("state", ["x", "DEAD", "dead\x00"])
def test_an_unknown_state_is_400(ada: Client, state: str) -> None:
    reply = ada.get("/api/v1/deliveries/", {"state": state})
    assert (reply.status_code, reply.json()["field"]) == (400, "state")


def test_a_mail_is_listed_without_a_webhook(ada: Client, owner: Owner, make_submission: Make) -> None:
    Delivery.objects.create(submission=make_submission(), email="ada@example.org")
    (found,) = ada.get("/api/v1/deliveries/").json()["results"]
    assert (found["email"], found["webhook"], found["url"], found["next_at"]) == ("ada@example.org", None, None, None)


def test_others_see_and_change_nothing(grace: Client, dead: Delivery) -> None:
    assert grace.get("/api/v1/webhooks/").json()["results"] == []
    assert grace.get("/api/v1/deliveries/").json()["results"] == []
    assert grace.delete(f"/api/v1/webhooks/{dead.webhook_id}/").status_code == 404
    assert grace.post(f"/api/v1/deliveries/{dead.pk}/redeliver/", content_type="application/json").status_code == 404
    dead.refresh_from_db()
    assert dead.state == "dead"
    assert Webhook.objects.get().disabled_at is None


@pytest.mark.parametrize("token", ["", "Bearer parity_wrong"])
def test_without_a_token_it_is_401(client: Client, dead: Delivery, token: str) -> None:
    headers = {"authorization": token} if token else {}
    for method, path in (
        ("get", "webhooks/"), ("post", "webhooks/"), ("delete", f"webhooks/{dead.webhook_id}/"), ("get", "deliveries/"),
        ("post", f"deliveries/{dead.pk}/redeliver/"),
    ):  # fmt: skip
        assert getattr(client, method)(f"/api/v1/{path}", headers=headers).status_code == 401


def test_the_list_takes_few_queries(
    ada: Client, owner: Owner, make_submission: Make, django_assert_max_num_queries: object
) -> None:
    add_webhook(owner=owner, url=URL)
    for number in range(8):
        end(make_submission(f"org/m{number}"))
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        assert len(ada.get("/api/v1/deliveries/").json()["results"]) == 8
    assert Submission.objects.count() == 8
