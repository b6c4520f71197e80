import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from evaluator import suites
from evaluator.contract import ATTEMPT_TOKEN_HEADER, CHUNK_DIGEST_HEADER
from leaderboard.actions.load_suites import load_suite
from leaderboard.api import waiting
from leaderboard.models import Job, Submission, Worker, WorkerToken
from tests import samples

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
CLAIM = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}

CALLS = [
    ("post", "worker-claim", {}),
    ("post", "worker-hello", {}),
    ("post", "worker-upcoming", {}),
    ("get", "worker-bundle", {"digest": "0" * 64}),
    ("post", "worker-heartbeat", {"job": 1}),
    ("put", "worker-chunk", {"job": 1, "attempt": 1, "sequence": 0}),
    ("get", "worker-parts", {"job": 1}),
    ("get", "worker-part", {"job": 1, "attempt": 1, "sequence": 0}),
    ("put", "worker-part", {"job": 1, "attempt": 1, "sequence": 0}),
    ("post", "worker-results", {"job": 1}),
    ("post", "worker-failure", {"job": 1}),
]


def claim(client: Client) -> dict[str, object]:
    reply = client.post(reverse("worker-claim"), CLAIM, content_type="application/json")
    assert reply.status_code == 200
    found: dict[str, object] = reply.json()
    return found


@pytest.mark.parametrize(("method", "name", "arguments"), CALLS)
@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic eDp5"}])
def test_every_call_needs_a_workers_token(
    client: Client,
    worker_token: WorkerToken,
    method: str,
    name: str,
    arguments: dict[str, object],
    header: dict[str, str],
) -> None:
    reply = getattr(client, method)(reverse(name, kwargs=arguments), headers=header)
    assert reply.status_code == 401
    assert reply["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "name", "arguments"), CALLS)
def test_other_methods_are_refused(worker_client: Client, method: str, name: str, arguments: dict[str, object]) -> None:
    assert worker_client.delete(reverse(name, kwargs=arguments)).status_code == 405


def test_a_persons_token_is_not_a_workers(client: Client, api_token: str) -> None:
    reply = client.post(
        reverse("worker-claim"),
        CLAIM,
        content_type="application/json",
        headers={"authorization": f"Bearer {api_token}"},
    )
    assert reply.status_code == 401


def test_a_hello_is_a_sign_of_life_and_takes_no_job(worker_client: Client, make_submission: Make) -> None:
    make_submission()
    for memory in (8, 16):
        said = {**CLAIM, "memory_bytes": memory}
        reply = worker_client.post(reverse("worker-hello"), said, content_type="application/json")
        assert (reply.status_code, reply.content) == (204, b"")
    worker = Worker.objects.get()
    assert (worker.name, worker.memory_bytes, worker.engines) == ("w", 16, ["vllm"])
    assert worker.last_seen_at >= worker.first_seen_at
    assert Job.objects.get().state == "queued"


def test_nothing_waits(worker_client: Client) -> None:
    assert worker_client.post(reverse("worker-claim"), CLAIM, content_type="application/json").status_code == 204


def test_a_claim_may_wait_for_a_job(
    worker_client: Client, make_submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that appears while the claim waits is given out at once; the waiting itself is not slept through here."""
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        make_submission()

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    monkeypatch.setattr(waiting, "close_old_connections", lambda: None)  # the test's own transaction stays open
    reply = worker_client.post(reverse("worker-claim") + "?wait=20", CLAIM, content_type="application/json")
    assert (reply.status_code, len(looks)) == (200, 1)


def test_a_claim_without_a_place_to_wait_is_answered_at_once(
    worker_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each that waits holds a thread of the site: a dozen workers must not hold all of them."""
    monkeypatch.setattr(waiting, "_places", threading.BoundedSemaphore(1))
    monkeypatch.setattr(waiting.time, "sleep", lambda _: pytest.fail("it waited"))
    with waiting.place():
        reply = worker_client.post(reverse("worker-claim") + "?wait=20", CLAIM, content_type="application/json")
    assert reply.status_code == 204


@pytest.mark.parametrize("wait", ["-1", "26", "x", "9" * 30, "1.5"])
def test_a_senseless_wait_is_400(worker_client: Client, wait: str) -> None:
    reply = worker_client.post(reverse("worker-claim") + f"?wait={wait}", CLAIM, content_type="application/json")
    assert reply.status_code == 400


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"worker": 1}', json.dumps({**CLAIM, "colour": "red"}), "[" * 100_000]
)
def test_a_malformed_claim_is_400(worker_client: Client, body: str) -> None:
    reply = worker_client.post(reverse("worker-claim"), body, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (400, "malformed")


def test_results_for_a_job_it_does_not_hold_are_409(worker_client: Client, make_submission: Make) -> None:
    job = make_submission().jobs.get()
    body = {"attempt": 1, "tasks": [], "chunks": [], "provenance": {}, "load_seconds": 0, "evaluation_seconds": 0}
    path = reverse("worker-results", kwargs={"job": job.pk})
    reply = worker_client.post(path, body, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (409, "stale_attempt")
    assert Job.objects.get().state == "queued"


def test_a_jobs_whole_way_over_http(worker_client: Client, make_submission: Make, files: Path) -> None:
    submission = make_submission()
    spec = claim(worker_client)
    job, headers = spec["job"], {ATTEMPT_TOKEN_HEADER: spec["token"]}
    beat = {"attempt": 1, "phase": "evaluating", "done": 1, "total": 2}
    path = reverse("worker-heartbeat", kwargs={"job": job})
    reply = worker_client.post(path, beat, content_type="application/json", headers=headers)
    assert reply.json()["cancel"] is False
    chunk = samples.packed([samples.sample()])
    digest = hashlib.sha256(chunk).hexdigest()
    path = reverse("worker-chunk", kwargs={"job": job, "attempt": 1, "sequence": 0})
    for status in (201, 200):
        reply = worker_client.put(
            path, chunk, content_type="application/gzip", headers={**headers, CHUNK_DIGEST_HEADER: digest}
        )
        assert reply.status_code == status
    cells = {"score": 0.5, "stderr": 0.5, "n": 2, "item_hashes": ["0" * 64, "1" * 64], "item_scores": [0, 1]}
    body = {
        "attempt": 1,
        "tasks": [
            {"task": "alpha", "metric": "acc", "filter": "none", **cells},
            {"task": "beta", "metric": "exact_match", "filter": "strict", **cells},
        ],
        "chunks": [{"sequence": 0, "digest": digest, "samples": 1}],
        "provenance": {},
        "load_seconds": 1.0,
        "evaluation_seconds": 1.0,
    }
    path = reverse("worker-results", kwargs={"job": job})
    for status in (201, 200):
        assert worker_client.post(path, body, content_type="application/json", headers=headers).status_code == status
    submission.refresh_from_db()
    assert submission.state == "scoring"


def test_a_bundle_is_served_by_its_digest(worker_client: Client) -> None:
    path = next(path for path in suites.built_in() if path.stem == "starter@1")
    suite, _ = load_suite(path=path)
    reply = worker_client.get(reverse("worker-bundle", kwargs={"digest": suite.bundle_id}))
    assert hashlib.sha256(reply.content).hexdigest() == suite.bundle_id
