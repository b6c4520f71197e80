"""A disk that fills up under the site: nothing half is kept, nothing new begins, and all goes on once there is room."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from evaluator.contract import ATTEMPT_TOKEN_HEADER, CHUNK_DIGEST_HEADER, JOURNAL_HEADER, JobSpec
from leaderboard.models import ResponsePart, SampleChunk, Submission, WorkerToken
from leaderboard.queries import health, site
from tests import samples
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
BODY = samples.packed([samples.sample(doc_id=0)])
CLAIM = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}


def no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def put(client: Client, held: JobSpec, route: str) -> HttpResponse:
    headers = {
        ATTEMPT_TOKEN_HEADER: held.token, CHUNK_DIGEST_HEADER: hashlib.sha256(BODY).hexdigest(),
        JOURNAL_HEADER: "0" * 64,
    }  # fmt: skip
    path = reverse(route, kwargs={"job": held.job, "attempt": 1, "sequence": 0})
    return client.put(path, BODY, content_type="application/gzip", headers=headers)  # type: ignore[return-value]


@pytest.mark.parametrize("route", ["worker-chunk", "worker-part"])
def test_what_finds_no_room_is_refused_whole_and_taken_later(
    make_submission: Make,
    worker_token: WorkerToken,
    worker_client: Client,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
) -> None:
    make_submission()
    held = made.claim(worker_token)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        reply = put(worker_client, held, route)
    assert (reply.status_code, reply.json()["code"]) == (507, "disk_full")  # type: ignore[attr-defined]
    assert not SampleChunk.objects.exists() and not ResponsePart.objects.exists()
    assert [path for path in files.rglob("*") if path.is_file()] == []
    assert put(worker_client, held, route).status_code == 201


def test_any_other_trouble_of_a_disk_is_a_bug_or_a_broken_disk(
    make_submission: Make,
    worker_token: WorkerToken,
    worker_client: Client,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_submission()
    held = made.claim(worker_token)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        put(worker_client, held, "worker-chunk")


def test_no_job_is_given_out_while_its_samples_would_have_no_room(
    make_submission: Make, worker_client: Client, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_submission()
    path = reverse("worker-claim")
    with monkeypatch.context() as patch:
        patch.setattr(health, "free_bytes", lambda: health.LEAST_FREE - 1)
        assert worker_client.post(path, CLAIM, content_type="application/json").status_code == 204
    assert worker_client.post(path, CLAIM, content_type="application/json").status_code == 200


def test_the_site_is_read_only_with_the_reason_and_opens_again(api_token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, body = Client(headers={"authorization": f"Bearer {api_token}"}), {"suite": "tiny@1", "model": "org/model"}

    def submitted() -> HttpResponse:
        site.forget()
        return client.post("/api/v1/submissions/", body, content_type="application/json")  # type: ignore[return-value]

    with monkeypatch.context() as patch:
        patch.setattr(health, "free_bytes", lambda: health.LEAST_FREE - 1)
        refused = submitted()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "300")
        assert "disk of this site is full" in client.get("/queue").content.decode()
    assert submitted().status_code == 404  # there is no such suite: it was read again
    assert "disk of this site is full" not in client.get("/queue").content.decode()
