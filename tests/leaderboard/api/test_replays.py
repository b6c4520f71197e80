"""A worker sends again what another worker sent, word for word: to the site it is as if nobody had called."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import Client

from evaluator.contract import (
    ATTEMPT_TOKEN_HEADER,
    CHUNK_DIGEST_HEADER,
    JOURNAL_HEADER,
    ClaimRequest,
    Failure,
    Heartbeat,
    JobSpec,
    decode,
    encode,
)
from leaderboard.actions.accounts import register_worker_token
from leaderboard.models import Job, Submission, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.leaderboard import invariants
from tests.leaderboard.measured import measured

pytestmark = pytest.mark.django_db
OTHER_SECRET = "another-secret"


class Call(NamedTuple):
    """One recorded request, without its bearer."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


def calls(spec: JobSpec) -> dict[str, Call]:
    """All that a worker may send of an attempt that it holds."""
    job, made, own = f"/api/worker/v1/jobs/{spec.job}", measured(spec), {ATTEMPT_TOKEN_HEADER: spec.token}
    part, identity = b"a part", "a" * 64
    failure = Failure(attempt=spec.attempt, kind="model", code="broken", message="It broke.")
    digest = {CHUNK_DIGEST_HEADER: hashlib.sha256(part).hexdigest(), JOURNAL_HEADER: identity}
    return {
        "heartbeat": Call(
            "POST", f"{job}/heartbeat/", encode(Heartbeat(attempt=spec.attempt, phase="evaluating")), own
        ),
        "part": Call("PUT", f"{job}/attempts/{spec.attempt}/parts/0/", part, own | digest),
        "parts": Call("GET", f"{job}/parts/", b"", own),
        **{
            f"chunk {number}": Call(
                "PUT", f"{job}/attempts/{spec.attempt}/chunks/{number}/", body,
                own | {CHUNK_DIGEST_HEADER: made.digest(number)},
            )
            for number, body in enumerate(made.bodies)
        },
        "results": Call("POST", f"{job}/results/", encode(made.results), own),
        "failure": Call("POST", f"{job}/failure/", encode(failure), own),
    }  # fmt: skip


def send(secret: str, call: Call) -> int:
    client = Client(headers={"authorization": f"Bearer {secret}"})
    reply = client.generic(call.method, call.path, call.body, content_type="application/json", headers=call.headers)
    return reply.status_code


@pytest.fixture
def spec(make_submission: Callable[..., Submission], worker_token: WorkerToken, files: Path) -> JobSpec:
    make_submission()
    register_worker_token(name="another", token=OTHER_SECRET, trusted=False)
    return claimed(WORKER_SECRET)


def claimed(secret: str, **more: Any) -> JobSpec:
    request = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",), **more)
    client = Client(headers={"authorization": f"Bearer {secret}"})
    reply = client.post("/api/worker/v1/claims/", encode(request), content_type="application/json")
    return decode(reply.content, JobSpec)


def test_another_workers_calls_change_nothing_at_any_moment(spec: JobSpec) -> None:
    """Before the first of its own calls, between them, and after the last: the results stay whose they are."""
    recorded = calls(spec)
    ways = [name for name in recorded if name != "failure"]
    for name in ways:
        for replayed in recorded.values():
            before = invariants.digest()
            assert send(OTHER_SECRET, replayed) == 409, (name, replayed.path)
            assert invariants.digest() == before
        assert send(WORKER_SECRET, recorded[name]) in (200, 201), name
    assert [send(OTHER_SECRET, replayed) for replayed in recorded.values()] == [409] * len(recorded)
    assert Job.objects.get().state == "done"


def test_ones_own_calls_again_after_the_end_change_nothing(spec: JobSpec) -> None:
    """As after a restart from a recording. What asks for the job is refused, what reports its end is known."""
    recorded = calls(spec)
    for name in ("chunk 0", "chunk 1", "results"):
        assert send(WORKER_SECRET, recorded[name]) == 201
    before = invariants.digest()
    statuses = {name: send(WORKER_SECRET, call) for name, call in recorded.items()}
    assert invariants.digest() == before
    assert {name for name, status in statuses.items() if status == 200} == {"results", "failure"}
    assert {status for name, status in statuses.items() if name not in ("results", "failure")} == {409}


def test_a_recorded_claim_gives_another_worker_another_job(
    spec: JobSpec, make_submission: Callable[..., Submission]
) -> None:
    """The nonce is known to whoever recorded it, and finds an attempt only for the worker that made it."""
    make_submission("org/a", sha="b" * 40)
    make_submission("org/b", sha="c" * 40)
    own = claimed(WORKER_SECRET, nonce="n" * 32)
    assert claimed(WORKER_SECRET, nonce="n" * 32) == own
    other = claimed(OTHER_SECRET, nonce="n" * 32)
    assert (other.job, other.token) != (own.job, own.token)


def test_workers_of_the_same_name_hold_jobs_of_their_own(
    spec: JobSpec, make_submission: Callable[..., Submission]
) -> None:
    """As when an image is started twice: one row of a worker, and two attempts that do not meet."""
    make_submission("org/a", sha="b" * 40)
    twin = claimed(WORKER_SECRET, nonce="t" * 32)
    assert twin.job != spec.job
    first, second = calls(spec), calls(twin)
    assert [send(WORKER_SECRET, calls["heartbeat"]) for calls in (first, second, first)] == [200, 200, 200]
    stolen = second["heartbeat"]._replace(path=first["heartbeat"].path)
    assert send(WORKER_SECRET, stolen) == 409
    for name in ("chunk 0", "chunk 1", "results"):
        assert [send(WORKER_SECRET, calls[name]) for calls in (first, second)] == [201, 201]
    assert set(Job.objects.values_list("state", "attempt", "worker__name")) == {("done", 1, "w")}
