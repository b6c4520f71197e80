"""Chunks as a worker posts them: in any order, more than once, damaged, or too large."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace
from pytest_django import Settings as DjangoSettings

from evaluator.contract import ATTEMPT_TOKEN_HEADER, CHUNK_DIGEST_HEADER, JobSpec, Results, TaskResult
from leaderboard.actions import files as storage
from leaderboard.actions import record
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.models import Result, SampleChunk, Submission, WorkerToken
from tests import samples
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
BODIES = [samples.packed([samples.sample(doc_id=number), samples.sample(doc_id=number + 1)]) for number in (0, 2, 4)]


@pytest.fixture
def held(make_submission: made.Make, worker_token: WorkerToken, files: Path) -> JobSpec:
    make_submission()
    return made.claim(worker_token)


def results(*bodies: bytes, counts: list[int] | None = None) -> Results:
    tasks = tuple(
        TaskResult(
            task=task, metric=metric, filter=filter_, score=0.5, stderr=0.5, n=2, item_hashes=("0" * 64, "1" * 64),
            item_scores=(0.0, 1.0),
        )
        for task, metric, filter_ in (("alpha", "acc", "none"), ("beta", "exact_match", "strict"))
    )  # fmt: skip
    listed = (samples.listed(body, at, counts[at] if counts else None) for at, body in enumerate(bodies))
    return Results(
        attempt=1, tasks=tasks, chunks=tuple(listed), provenance={}, load_seconds=1.0, evaluation_seconds=1.0
    )


def code(spec: JobSpec, posted: Results) -> str:
    with pytest.raises(Refused) as refusal:
        record.record_results(job=spec.job, token=spec.token, results=posted)
    assert refusal.value.status == 400
    assert not Result.objects.exists()
    return refusal.value.code


def stored(files: Path) -> list[Path]:
    return [path for path in files.rglob("*") if path.is_file()]


def test_chunks_may_come_in_any_order_and_twice_and_are_awaited(held: JobSpec) -> None:
    posted = results(*BODIES)
    assert code(held, posted) == "chunks_missing"
    assert samples.post(held, BODIES[2], 2)
    assert samples.post(held, BODIES[0], 0)
    assert not samples.post(held, BODIES[2], 2)
    assert code(held, posted) == "chunks_missing"
    assert samples.post(held, BODIES[1], 1)
    assert record.record_results(job=held.job, token=held.token, results=posted)
    rows = list(SampleChunk.objects.order_by("sequence").values_list("samples", "tasks"))
    assert rows == [(2, {"alpha": 2})] * 3


def test_a_sequence_must_not_have_a_gap(held: JobSpec) -> None:
    samples.post(held, BODIES[0], 0)
    samples.post(held, BODIES[1], 2)
    assert code(held, results(*BODIES[:2])) == "chunks_missing"
    told = results(*BODIES[:2])
    with_gap = (told.chunks[0], replace(told.chunks[1], sequence=2))
    assert code(held, replace(told, chunks=with_gap)) == "chunks_missing", "and they are said to have one"


@pytest.mark.parametrize("counts", [[1, 2], [2, 3], [2, 0]])
def test_as_many_samples_as_listed(held: JobSpec, counts: list[int]) -> None:
    for sequence, body in enumerate(BODIES[:2]):
        samples.post(held, body, sequence)
    assert code(held, results(*BODIES[:2], counts=counts)) == "wrong_samples"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"garbage", "chunk_unreadable"),
        (BODIES[0][:-1], "chunk_unreadable"),
        (BODIES[0] + b"x", "chunk_unreadable"),
        (gzip.compress(b"[" * 100_000), "chunk_unreadable"),
        (gzip.compress(b"\n"), "chunk_unreadable"),
        (gzip.compress(bytes(2**20)), "chunk_too_large"),
    ],
    ids=["garbage", "cut", "trailing garbage", "nested", "empty line", "a bomb"],
)
def test_what_cannot_be_read_is_refused_and_not_stored(
    held: JobSpec, files: Path, settings: DjangoSettings, worker_client: Client, body: bytes, expected: str
) -> None:
    settings.CHUNK_LIMIT = 2**19
    path = reverse("worker-chunk", kwargs={"job": held.job, "attempt": 1, "sequence": 0})
    headers = {ATTEMPT_TOKEN_HEADER: held.token, CHUNK_DIGEST_HEADER: hashlib.sha256(body).hexdigest()}
    worker_client.raise_request_exception = False
    reply = worker_client.put(path, body, content_type="application/gzip", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (400, expected)
    assert reply.json()["message"].startswith("Chunk 0 ")
    assert not SampleChunk.objects.exists()
    assert stored(files) == []
    assert samples.post(held, BODIES[0], 0), "the right one can follow"


@pytest.mark.parametrize("name", ["worker-chunk", "worker-results", "worker-heartbeat", "worker-claim"])
def test_a_body_above_the_limit_is_413_with_words(
    held: JobSpec, settings: DjangoSettings, worker_client: Client, name: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    arguments: dict[str, Any] = {} if name == "worker-claim" else {"job": held.job}
    if name == "worker-chunk":
        arguments |= {"attempt": 1, "sequence": 0}
    method = worker_client.put if name == "worker-chunk" else worker_client.post
    reply = method(reverse(name, kwargs=arguments), b"x" * 1001, content_type="application/gzip")
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
    assert "1,000 bytes" in reply.json()["message"]


def test_a_file_is_replaced_in_one_step(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads while it is replaced finds one content or the other, and a failure leaves the old one."""
    assert storage.keep("a/b", b"old") == "a/b"
    assert storage.keep("a/b", b"new") == "a/b"
    assert (files / "a/b").read_bytes() == b"new"

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage.os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        storage.keep("a/b", b"newer")
    assert (files / "a/b").read_bytes() == b"new"
    assert len(stored(files)) == 1


@pytest.fixture
def in_memory(settings: DjangoSettings) -> None:
    """A storage that is no file system and gives a taken name to nobody else."""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    assert isinstance(default_storage, InMemoryStorage)


def test_another_storage_may_choose_the_name(in_memory: None, held: JobSpec) -> None:
    digest = hashlib.sha256(BODIES[0]).hexdigest()
    taken = f"samples/{Submission.objects.get().pk}/{held.job}-1-00000-{digest[:16]}.jsonl.gz"
    default_storage.save(taken, ContentFile(b"half"))
    assert samples.post(held, BODIES[0])
    chunk = SampleChunk.objects.get()
    assert chunk.path != taken
    with default_storage.open(chunk.path) as found:
        assert found.read() == BODIES[0]


def test_the_loser_of_a_race_leaves_no_file(held: JobSpec, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = storage.keep

    def slow(path: str, body: bytes) -> str:
        if body == BODIES[0]:
            samples.post(held, BODIES[1])  # another content for the same place gets there first
        return stock(path, body)

    monkeypatch.setattr(record, "keep", slow)
    with pytest.raises(Conflict):
        samples.post(held, BODIES[0])
    assert [files / chunk.path for chunk in SampleChunk.objects.all()] == stored(files)
