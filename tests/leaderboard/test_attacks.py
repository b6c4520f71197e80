"""One test for each known way in that has none of its own elsewhere; SECURITY.md lists all of them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard.actions.accounts import create_person
from leaderboard.models import Owner, Submission, Suite, User, Webhook

pytestmark = pytest.mark.django_db
GRACE = {"login": "grace", "password": "correct horse battery"}
SECOND = 1.0
"""What no question of a few kilobytes may take, on any machine."""


@pytest.fixture(autouse=True)
def quick(settings: DjangoSettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def grace(db: None) -> User:
    return create_person(username="grace", password=GRACE["password"])


# Accounts


def test_an_unknown_name_takes_as_long_as_a_wrong_password(
    client: Client, grace: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash is all that takes time: it is computed as often for a name that nobody has."""
    computed: list[str] = []
    encode = hashers.MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        computed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counted)
    replies = []
    for name in ("grace", "nobody"):
        computed.clear()
        replies.append(client.post("/login", {**GRACE, "login": name, "password": "wrong"}))
        assert computed == ["wrong"], name
    said = [reply.content.decode().split('role="alert"')[1].split("</div>")[0] for reply in replies]
    assert said[0] == said[1]


def test_a_session_that_somebody_planted_is_not_the_one_that_is_logged_in(client: Client, grace: User) -> None:
    planted = client.session
    planted["planted"] = True
    planted.save()
    assert client.cookies["sessionid"].value == planted.session_key
    client.post("/login", GRACE)
    assert client.cookies["sessionid"].value != planted.session_key
    assert not Session.objects.filter(session_key=planted.session_key).exists()


# Forms and bodies


def test_fields_that_are_not_on_a_form_change_nothing(client: Client, grace: User, person: User, suite: Suite) -> None:
    client.force_login(grace)
    extra = {"owner": person.owner.pk, "submitter": person.pk, "state": "succeeded", "score": 100, "is_staff": "on"}
    client.post("/submit", {"model": "org/model", "suite": suite.slug, "engine": "vllm", "dtype": "auto", **extra})
    row = Submission.objects.get()
    assert (row.owner, row.submitter, row.state, row.score) == (grace.owner, grace, "validating", None)
    client.post("/settings/notices", {"url": "https://hooks.example.org/", "owner": person.owner.pk})
    assert Webhook.objects.get().owner == grace.owner
    client.post("/settings/notices/mail", {"mail": "on", "is_staff": "on", "is_superuser": "on", "username": "root"})
    grace.refresh_from_db()
    assert (grace.username, grace.is_staff, grace.is_superuser) == ("grace", False, False)


@pytest.mark.parametrize("extra", ["owner", "submitter", "state", "score", "charged_on", "id", "revision_id"])
def test_fields_that_a_call_does_not_take_are_refused(client: Client, api_token: str, suite: Suite, extra: str) -> None:
    headers = {"authorization": f"Bearer {api_token}"}
    body = {"suite": "tiny@1", "model": "org/model", extra: 1}
    reply = client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers)
    assert (reply.status_code, reply.json()["field"]) == (400, extra)
    assert not Submission.objects.exists()


def test_no_page_stores_a_file_that_it_did_not_ask_for(client: Client, member_of: Callable[[], Client]) -> None:
    whole = SimpleUploadedFile("bomb.bin", b"x" * 3_000_000)
    for reader, path in ((client, "/login"), (member_of(), "/submit")):
        reply = reader.post(path, {"model": "org/model", "file": whole})
        assert reply.status_code == 400
        whole.seek(0)


@pytest.fixture
def member_of(person: User) -> Callable[[], Client]:
    def make() -> Client:
        client = Client()
        client.force_login(person)
        return client

    return make


def test_a_form_of_a_thousand_fields_is_refused(client: Client) -> None:
    assert client.post("/login", {f"f{number}": "" for number in range(1_100)}).status_code == 400


# Time

LONG = 4_000
HOSTILE = {
    "spaces": " " * LONG + "x",
    "colons": "a:" * (LONG // 2),
    "quotes": '"' * LONG,
    "quoted": 'a:"' * (LONG // 3),
    "minuses": "-" * LONG,
    "digits": "9" * LONG + "x",
    "dates": "released:" + "2025-01-" * (LONG // 8),
    "numbers": "size:" + "1." * (LONG // 2) + "..",
    "commas": "," * LONG,
    "at": "a@" + "a." * (LONG // 2) + "1",
    "slashes": "/" * LONG,
    "percent": "%" * LONG,
    "brackets": "[" * LONG,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_pattern_takes_long_over_a_hostile_text(
    client: Client, api_token: str, suite: Suite, kind: str, member_of: Callable[[], Client]
) -> None:
    headers = {"authorization": f"Bearer {api_token}"}
    member = member_of()

    def calls(text: str) -> dict[str, Callable[[], Any]]:
        form = {"model": text, "revision": text, "suite": suite.slug, "engine": "vllm", "dtype": "auto"}
        endpoint = {"base_url": f"https://{text}", "model": text, "suite": suite.slug, "protocol": "openai-chat"}
        body = {"suite": text, "model": text}
        person = {"username": text, "email": text, "password1": text}
        return {
            "search": lambda: client.get("/", {"search": text}),
            "sort": lambda: client.get("/", {"sort": text, "pin": text, "w.alpha": text}),
            "models": lambda: client.get("/models/", {"search": text}),
            "compare": lambda: client.get("/compare", {"m": [text, text], "margin": text}),
            "cost": lambda: client.get("/tco", {"price": text, "curve": text, "throughput": text}),
            "submit": lambda: member.post("/submit", form),
            "endpoint": lambda: member.post("/submit/endpoint", endpoint),
            "webhook": lambda: member.post("/settings/notices", {"url": f"https://{text}"}),
            "login": lambda: client.post("/login", {"login": text, "password": text}),
            "signup": lambda: client.post("/signup", person),
            "api": lambda: client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers),
            "header": lambda: client.get("/api/v1/suites/", headers={"if-none-match": text, "accept": text}),
        }

    for call in calls("x").values():
        call()  # what is loaded once is not what is timed
    for name, call in calls(HOSTILE[kind]).items():
        began = time.process_time()
        reply = call()
        assert reply.status_code < 500, name
        assert time.process_time() - began < SECOND, name


# What the site says of itself


def test_whom_to_tell_about_a_hole_is_said(client: Client, settings: DjangoSettings) -> None:
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    reply = client.get("/.well-known/security.txt")
    said = dict(line.split(": ", 1) for line in reply.content.decode().splitlines())
    assert reply["Content-Type"] == "text/plain; charset=utf-8"
    assert said["Contact"] == "mailto:security@example.org"
    assert said["Canonical"].endswith("/.well-known/security.txt")
    until = datetime.fromisoformat(said["Expires"])
    assert timedelta(days=30) < until - datetime.now(UTC) < timedelta(days=365)


def test_another_owners_numbers_lead_nowhere(client: Client, grace: User, suite: Suite, api_token: str) -> None:
    """Of what is private; the matrix asks every route that is there."""
    webhook = Webhook.objects.create(owner=Owner.objects.get(name="grace"), url="https://hooks.example.org/")
    headers = {"authorization": f"Bearer {api_token}"}
    theirs = client.get(f"/api/v1/webhooks/{webhook.pk}/", headers=headers)
    nobodys = client.get(f"/api/v1/webhooks/{webhook.pk + 1}/", headers=headers)
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    # By name, not by digit: the number of a webhook may be the digit of a status.
    words = [
        reply.content.replace(b"webhook %d." % key, b"webhook N.")
        for reply, key in ((theirs, webhook.pk), (nobodys, webhook.pk + 1))
    ]
    assert words[0] == words[1]
