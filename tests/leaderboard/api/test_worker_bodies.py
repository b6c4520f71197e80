"""Hostile or clumsy bodies from a worker that holds a valid token: every one is answered, none with a 500."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from evaluator.contract import ATTEMPT_TOKEN_HEADER, CHUNK_DIGEST_HEADER, LOG_LIMIT
from leaderboard.actions.score import score
from leaderboard.api import worker
from leaderboard.models import Job, Submission, WorkerToken
from tests import samples
from tests.conftest import WORKER_SECRET

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
CLAIM: dict[str, Any] = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}
CELL = {"score": 0.5, "stderr": 0.5, "n": 2, "item_hashes": ["0" * 64, "1" * 64], "item_scores": [0, 1]}
ALPHA = {"task": "alpha", "metric": "acc", "filter": "none", **CELL}
BETA = {"task": "beta", "metric": "exact_match", "filter": "strict", **CELL}


def results(alpha: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    body = {"attempt": 1, "tasks": [{**ALPHA, **(alpha or {})}, BETA], "chunks": [], "provenance": {}}
    return {**body, "load_seconds": 1.0, "evaluation_seconds": 1.0, **changes}


def failed(**changes: Any) -> dict[str, Any]:
    return {"attempt": 1, "kind": "model", "code": "child_died", "message": "It crashed.", **changes}


@pytest.fixture
def caller(worker_token: WorkerToken) -> Client:
    """A worker that gets a 500 as an answer, as it would over HTTP."""
    return Client(headers={"authorization": f"Bearer {WORKER_SECRET}"}, raise_request_exception=False)


class Held:
    """A claimed job and calls about it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        spec = client.post(reverse("worker-claim"), CLAIM, content_type="application/json").json()
        self.job, self.headers = spec["job"], {ATTEMPT_TOKEN_HEADER: spec["token"]}

    def post(self, name: str, body: dict[str, Any] | str) -> Any:
        path = reverse(name, kwargs={"job": self.job})
        return self.client.post(path, body, content_type="application/json", headers=self.headers)


@pytest.fixture
def held(make_submission: Make, caller: Client, files: Path) -> Held:
    make_submission()
    return Held(caller)


@pytest.mark.parametrize(
    "changes",
    [
        {"worker": "w" * 201},
        {"worker": "a\x00b"},
        {"hardware": "h" * 301},
        {"hardware": "a\x00b"},
        {"architectures": ["a\x00b"]},
        {"worker": ""},
    ],
    ids=["long name", "NUL in the name", "long hardware", "NUL in the hardware", "NUL in the architecture", "no name"],
)
@pytest.mark.parametrize("name", ["worker-claim", "worker-hello"])
def test_a_worker_with_an_odd_description_is_no_server_error(
    caller: Client, name: str, changes: dict[str, Any]
) -> None:
    reply = caller.post(reverse(name), {**CLAIM, **changes}, content_type="application/json")
    assert reply.status_code < 500


@pytest.mark.parametrize("wait", ["000000000999", "0" * 9 + "9" * 5000], ids=["999 seconds", "thousands of digits"])
def test_a_wait_with_leading_zeros_is_not_taken_for_a_short_one(caller: Client, wait: str) -> None:

    class Request:
        GET = {"wait": wait}

    try:
        assert worker.wait_of(Request()) <= worker.MAX_WAIT  # type: ignore[arg-type]
    except worker.ContractError:
        pass


def test_a_bundle_named_with_nul_is_not_found(caller: Client) -> None:
    assert caller.get("/api/worker/v1/bundles/a%00b/").status_code == 404


@pytest.mark.parametrize(
    "numbers",
    [{"done": 1, "total": 10**12}, {"done": 10**12, "total": 10**12}, {"done": 5, "total": 2},
     {"done": -5, "total": -9}, {"attempt": 2**63}, {"attempt": 2**100}, {"attempt": -1}],
    ids=str,
)  # fmt: skip
def test_a_heartbeat_with_odd_numbers_is_no_server_error(held: Held, numbers: dict[str, int]) -> None:
    reply = held.post("worker-heartbeat", {"attempt": 1, "phase": "evaluating", **numbers})
    assert reply.status_code < 500


def test_a_log_is_kept_no_longer_than_the_contract_says(held: Held) -> None:
    held.post("worker-heartbeat", {"attempt": 1, "phase": "evaluating", "log": "x" * 1_000_000})
    assert len(Job.objects.get().log) <= LOG_LIMIT


def test_the_log_of_a_failure_is_kept_no_longer_than_the_contract_says(held: Held) -> None:
    held.post("worker-failure", failed(log="x" * 1_000_000))
    assert len(Job.objects.get().log) <= LOG_LIMIT


def test_the_message_of_a_failure_is_not_a_megabyte_on_every_page(held: Held) -> None:
    held.post("worker-failure", failed(message="x" * 1_000_000))
    assert len(Submission.objects.get().error_message) <= 20_000


@pytest.mark.parametrize(
    "changes",
    [{"message": "a\x00b"}, {"code": "c" * 61}, {"code": "a\x00b"}],
    ids=["NUL in the message", "long", "NUL"],
)
@pytest.mark.parametrize("kind", ["model", "platform"])
def test_a_failure_with_odd_texts_ends_the_attempt(held: Held, changes: dict[str, str], kind: str) -> None:
    """The last lines of a crashed child's log are in the message, and a child may print anything."""
    reply = held.post("worker-failure", failed(kind=kind, **changes))
    assert reply.status_code < 500
    assert Job.objects.get().state != "running"


@pytest.mark.parametrize(
    "changes",
    [
        {"provenance": {"a": "x\x00y"}},
        {"provenance": {"a\x00": 1}},
        {"alpha": {"score": None, "stderr": None, "unavailable": "a\x00b"}},
        {"alpha": {"score": None, "unavailable": "no", "n": -1}},
        {"alpha": {"score": None, "unavailable": "no", "n": 2**40}},
        {"alpha": {"item_scores": [1e300, 0]}},
        {"attempt": 2**63},
        {"attempt": 2**100},
        {"chunks": [{"sequence": 2**70, "digest": "", "samples": 1}]},
    ],
    ids=str,
)
def test_odd_results_are_no_server_error(held: Held, changes: dict[str, Any]) -> None:
    assert held.post("worker-results", results(**changes)).status_code < 500


@pytest.mark.parametrize(
    "alpha",
    [{"stderr": -0.1}, {"score": 1e308}, {"stderr": 1e200}, {"score": -3.0}, {"score": 12.0}, {"item_scores": [0, 2]}],
    ids=str,
)
def test_results_that_were_taken_can_be_scored(held: Held, alpha: dict[str, Any]) -> None:
    """What the scorer cannot add up is refused at the door or quarantined: else the submission is scored for ever."""
    if held.post("worker-results", results(alpha)).status_code >= 400:
        return
    score(submission=Submission.objects.get().pk)
    found = Submission.objects.get()
    assert (found.state, found.error_code, found.score) == ("quarantined", "out_of_range", None)


@pytest.mark.parametrize("sequence", [2**31, 2**40, 2**70])
def test_an_enormous_sequence_is_no_server_error(held: Held, sequence: int) -> None:
    body = b"x"
    path = reverse("worker-chunk", kwargs={"job": held.job, "attempt": 1, "sequence": sequence})
    headers = {**held.headers, CHUNK_DIGEST_HEADER: hashlib.sha256(body).hexdigest()}
    reply = held.client.put(path, body, content_type="application/gzip", headers=headers)
    assert reply.status_code < 500


@pytest.mark.parametrize("name", ["worker-heartbeat", "worker-results", "worker-failure"])
@pytest.mark.parametrize("job", [2**31, 2**63, 2**70])
def test_an_enormous_job_is_not_found(caller: Client, name: str, job: int) -> None:
    bodies = {
        "worker-heartbeat": {"attempt": 1, "phase": "loading"},
        "worker-results": results(),
        "worker-failure": failed(),
    }
    reply = caller.post(reverse(name, kwargs={"job": job}), bodies[name], content_type="application/json")
    assert reply.status_code == 404


@pytest.mark.parametrize("depth", [100, 300, 600, 900, 950, 990, 5000])
def test_deep_provenance_is_no_server_error(held: Held, depth: int) -> None:
    body = json.dumps(results(provenance={"a": 0})).replace('"a": 0', '"a": ' + "[" * depth + "]" * depth)
    assert held.post("worker-results", body).status_code < 500


def test_a_failure_of_an_old_attempt_needs_that_attempts_token_to_look_ended(held: Held) -> None:
    """A stranger's call about an ended attempt is refused, as every other call with a wrong token is."""
    held.post("worker-failure", failed(kind="platform"))
    held.headers = {ATTEMPT_TOKEN_HEADER: "nonsense"}
    assert held.post("worker-failure", failed()).status_code in {200, 409}


def test_a_damaged_chunk_file_is_written_again(held: Held, files: Path) -> None:
    """A crash may leave half a file under the right name; the repeated call must not take it for the whole."""
    body = samples.packed([samples.sample()])
    digest = hashlib.sha256(body).hexdigest()
    submission = Submission.objects.get().pk
    half = files / f"samples/{submission}/{held.job}-1-00000-{digest[:16]}.jsonl.gz"
    half.parent.mkdir(parents=True)
    half.write_bytes(body[:5])
    path = reverse("worker-chunk", kwargs={"job": held.job, "attempt": 1, "sequence": 0})
    headers = {**held.headers, CHUNK_DIGEST_HEADER: digest}
    reply = held.client.put(path, body, content_type="application/gzip", headers=headers)
    assert reply.status_code == 201
    stored = Job.objects.get().chunks.get()
    assert (files / stored.path).read_bytes() == body
