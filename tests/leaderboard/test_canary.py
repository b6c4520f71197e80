"""One key through everything that can happen to it on the site: afterwards it is nowhere to be found."""

import gzip
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.db import connection
from django.test import Client
from pytest_django import Settings as DjangoSettings

from evaluator.contract import Spent
from leaderboard import tasks
from leaderboard.actions import lease
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Refused
from leaderboard.actions.pause import resume
from leaderboard.actions.register_endpoint import evaluate_endpoint, register_endpoint
from leaderboard.celery import app
from leaderboard.models import EndpointUse, Job, Owner, Submission, User, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.leaderboard.endpoints import (
    CANARY,
    access,
    asking,
    beat,
    claimed,
    fail,
    finished,
    generated_suite,
    running,
    submitted,
)

pytestmark = pytest.mark.django_db
BODY = {"base_url": "https://api.example.org/v1", "protocol": "openai-chat", "model": "m", "budget_tokens": 10**6}


class Everything:
    """What the site said, stored or sent, as texts."""

    def __init__(self) -> None:
        self.said = io.StringIO()
        self.replies: list[str] = []
        self.messages: list[str] = []

    def reply(self, reply: Any) -> Any:
        """Note a reply, its headers and every page that it is made of."""
        body = b"".join(reply.streaming_content) if reply.streaming else reply.content
        self.replies.append(f"{reply.headers} {body.decode('utf-8', 'replace')}")
        return reply

    def send(self, name: str, *arguments: Any, **named: Any) -> None:
        self.messages.append(json.dumps([name, arguments, named], default=str))

    def places(self, files: Path) -> Iterator[tuple[str, str]]:
        """Where the key could be, and what is there."""
        yield "logs", self.said.getvalue()
        yield from (("reply", text) for text in self.replies)
        yield from (("broker", text) for text in self.messages)
        yield from (("mail", str(message.message())) for message in mail.outbox)
        with connection.cursor() as cursor:
            for model in apps.get_models():
                cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
                for (row,) in cursor.fetchall():
                    yield f"table {model._meta.db_table}", row
                    yield f"table {model._meta.db_table}, bytes", bytes_in(row)
        for path in files.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                yield f"file {path.name}", data.decode("utf-8", "replace")
                if data[:2] == b"\x1f\x8b":
                    yield f"file {path.name}, unpacked", gzip.decompress(data).decode("utf-8", "replace")


def bytes_in(row: str) -> str:
    """Byte columns, which PostgreSQL prints in hex."""
    return " ".join(bytes.fromhex(one).decode("latin-1") for one in re.findall(r"\\x((?:[0-9a-f]{2})+)", row))


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch, settings: DjangoSettings) -> Iterator[Everything]:
    noted = Everything()
    monkeypatch.setattr(app, "send_task", noted.send)
    handler = logging.StreamHandler(noted.said)
    handler.setLevel(logging.DEBUG)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield noted
    root.removeHandler(handler)
    root.setLevel(level)


@dataclass
class Site:
    """Whom the key belongs to, who asks, and all that was said."""

    everything: Everything
    owner: Owner
    person: User
    worker: WorkerToken
    client: Client
    member: Client = field(default_factory=Client)

    def post(self, path: str, body: Any) -> Any:
        return self.everything.reply(self.client.post(path, json.dumps(body), "application/json"))

    def read(self, path: str) -> Any:
        return self.everything.reply(self.member.get(path))


@pytest.fixture
def site(
    everything: Everything, owner: Owner, person: User, worker_token: WorkerToken, api_token: str, files: Path,
) -> Site:  # fmt: skip
    generated_suite()
    client = Client(headers={"authorization": f"Bearer {api_token}"}, raise_request_exception=False)
    made = Site(everything, owner, person, worker_token, client)
    made.member.force_login(person)
    return made


def by_the_api(site: Site) -> None:
    """Well, and in every wrong way."""
    good = {"suite": "talk@1", "endpoint": {**BODY, "api_key": CANARY}}
    assert site.post("/api/v1/submissions/", good).status_code == 201
    assert site.post("/api/v1/submissions/", good).status_code == 409
    wrong: list[dict[str, Any]] = [
        {"api_key": CANARY + " x"}, {"api_key": CANARY, "model": CANARY}, {"api_key": CANARY * 50},
        {"api_key": [CANARY]}, {"api_key": {"a": CANARY}}, {"api_key": CANARY, "headers": {"x-title": CANARY}},
        {"api_key": CANARY, "base_url": f"https://{CANARY}@api.example.org"},
        {"api_key": CANARY, "base_url": f"https://api.example.org/?key={CANARY}"},
        {"api_key": CANARY, "budget_tokens": -1}, {"api_key": CANARY, "unknown": 1},
    ]  # fmt: skip
    for changes in wrong:
        body = {"suite": "talk@1", "endpoint": {**BODY, **changes}}
        assert site.post("/api/v1/submissions/", body).status_code == 400, changes


def by_the_form(site: Site) -> None:
    """Well, and wrong: a refused form does not hold the key again."""
    form = {**BODY, "suite": "talk@1", "concurrency": 8, "passes": 1, "temperature": 0.5, "api_key": CANARY}
    for changes, status in (({}, 302), ({"base_url": "https://127.0.0.1"}, 400)):
        reply = site.everything.reply(site.member.post("/submit/endpoint", form | changes))
        assert reply.status_code == status
    for row in Submission.objects.all():
        site.read(f"/submissions/{row.pk}")
        cancel(submission=row.pk, owner=site.owner)


def by_a_worker(site: Site) -> Submission:
    """Success, and what an endpoint may do; returns the one that succeeded."""
    done, spec = running(site.owner, site.worker, model="good")
    beat(spec, Spent(requests=3, input_tokens=5))
    finished(done, spec, spent=Spent(requests=3, input_tokens=5))
    for code in ("unauthorised", "too_many_requests", "server_error", "timeout", "crash"):
        _, spec = running(site.owner, site.worker, model=f"fails-{code}")
        fail(spec, "model", code=code, message=f"It answered: {code}.", log="last lines")
    submitted(site.owner, model="refused")
    fail(claimed(site.worker), "model", code="bad_key", message="401")
    return done


def paused_and_gone_on(site: Site) -> None:
    """The key goes after a day, and is given again."""
    paused, spec = running(site.owner, site.worker, model="paused")
    fail(spec, "budget", code="budget", message="Used up.", spent=Spent(requests=1))
    EndpointUse.objects.filter(submission=paused).update(key_given_at="2026-01-01T00:00Z")
    tasks.reconcile()
    with pytest.raises(Refused):
        resume(submission=paused.pk, owner=site.owner, api_key=f"{CANARY} {CANARY}")
    assert site.post(f"/api/v1/submissions/{paused.pk}/resume/", {"api_key": CANARY}).status_code == 200
    site.read(f"/submissions/{paused.pk}")


def crashed_in_a_claim(site: Site) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease, "move_job", lambda **_: 1 / 0)
        broken = Client(headers={"authorization": f"Bearer {WORKER_SECRET}"}, raise_request_exception=False)
        asked = {"worker": "w", "queues": ["api"], "engines": ["endpoint"], "edition": 3}
        reply = broken.post("/api/worker/v1/claims/", asked, "application/json")
        assert site.everything.reply(reply).status_code == 500


def by_the_site_itself(site: Site, done: Submission) -> None:
    """An endpoint of its own; then everything is read that anybody may read."""
    site.person.is_staff = True
    site.person.save()
    endpoint = register_endpoint(by=site.person, access=access(model="operated"))
    own = evaluate_endpoint(endpoint=endpoint.pk, suite="talk@1", by=site.person)
    tasks.reconcile()
    tasks.watch()
    for path in ("/", "/queue", "/status", "/submit/endpoint", f"/submit/endpoint?again={done.pk}",
                 f"/endpoints/{endpoint.pk}/drift", "/models/api.example.org:443/good",
                 *(f"/submissions/{pk}" for pk in Submission.objects.values_list("pk", flat=True))):  # fmt: skip
        assert site.read(path).status_code == 200, path
    for path in ("/api/v1/submissions/", "/api/v1/leaderboard/?suite=talk@1", "/api/v1/status/",
                 f"/api/v1/submissions/{own.pk}/", f"/api/v1/submissions/{done.pk}/samples/"):  # fmt: skip
        assert site.everything.reply(site.client.get(path)).status_code == 200, path


def test_a_key_is_found_nowhere(site: Site, files: Path, django_capture_on_commit_callbacks: Any) -> None:
    """Through success, each failure, refusals, pause, expiry, a crash while it is claimed, and by every door."""
    with django_capture_on_commit_callbacks(execute=True):
        by_the_api(site)
        by_the_form(site)
        done = by_a_worker(site)
        paused_and_gone_on(site)
        crashed_in_a_claim(site)
        by_the_site_itself(site, done)
    everything, looked_at = site.everything, 0
    for place, text in everything.places(files):
        looked_at += 1
        assert CANARY not in text, place
    assert looked_at > 200 and everything.messages and len(everything.said.getvalue()) > 1_000
    # It was really there all the while: whoever may have it gets it.
    Job.objects.filter(state="running").update(state="queued", lease_expires_at=None, token_digest="")
    spec = lease.claim(token=site.worker, request=asking())
    assert spec is not None and spec.endpoint is not None and spec.endpoint.api_key == CANARY
