"""Workers of every edition against the site as it is now."""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from evaluator import contract
from leaderboard.models import Job, Revision, SampleChunk, Submission, Worker
from tests.leaderboard.api import edition_1

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
EDITIONS = {"edition 1": edition_1, "the newest": contract}


class OldWorker:
    """The calls that a worker makes, in one edition's types, each reply decoded as strictly as it decodes."""

    def __init__(self, client: Client, wire: Any, **says: object) -> None:
        self.client, self.wire = client, wire
        self.request = wire.ClaimRequest(worker="old", queues=("cpu",), engines=("vllm",), hardware="2 cores", **says)
        self.job: Any = None

    def call(self, name: str, body: Any, *, status: int = 200, **arguments: object) -> bytes:
        headers = {self.wire.ATTEMPT_TOKEN_HEADER: self.job.token} if self.job else {}
        path, data = reverse(name, kwargs=arguments), self.wire.encode(body)
        reply = self.client.post(path, data, content_type="application/json", headers=headers)
        assert reply.status_code == status, reply.content
        return bytes(reply.content)

    def claim(self) -> Any:
        self.job = None
        self.job = self.wire.decode(self.call("worker-claim", self.request), self.wire.JobSpec)
        return self.job

    def beat(self, done: int = 0) -> Any:
        told = self.wire.Heartbeat(attempt=self.job.attempt, phase="evaluating", done=done, total=4, log="line")
        return self.wire.decode(self.call("worker-heartbeat", told, job=self.job.job), self.wire.HeartbeatReply)

    def chunk(self) -> Any:
        body = gzip.compress(self.wire.encode(self.sample()) + b"\n", mtime=0)
        digest = hashlib.sha256(body).hexdigest()
        arguments = {"job": self.job.job, "attempt": self.job.attempt, "sequence": 0}
        headers = {self.wire.ATTEMPT_TOKEN_HEADER: self.job.token, self.wire.CHUNK_DIGEST_HEADER: digest}
        path = reverse("worker-chunk", kwargs=arguments)
        reply = self.client.put(path, body, content_type="application/gzip", headers=headers)
        assert reply.status_code == 201
        return self.wire.Chunk(sequence=0, digest=digest, samples=1)

    def sample(self) -> Any:
        return self.wire.Sample(
            task="alpha", doc_id=0, item_hash="0" * 64, target="a", prompts=("p",), responses=("r",),
            answers={"none": "r"}, scores={"none": {"acc": 1.0}},
        )  # fmt: skip

    def results(self, chunk: Any) -> None:
        measured = {"score": 0.5, "stderr": 0.5, "n": 2, "item_hashes": ("0" * 64, "1" * 64), "item_scores": (0.0, 1.0)}
        tasks = tuple(
            self.wire.TaskResult(task=task.task, metric=task.metric, filter=task.filter, **measured)
            for task in self.job.suite.tasks
        )
        told = self.wire.Results(
            attempt=self.job.attempt, tasks=tasks, chunks=(chunk,), provenance={"engine": "vllm"}, load_seconds=1.0,
            evaluation_seconds=2.0,
        )  # fmt: skip
        self.call("worker-results", told, status=201, job=self.job.job)

    def fail(self, kind: str) -> None:
        told = self.wire.Failure(attempt=self.job.attempt, kind=kind, code="child_died", message="m", log="l")
        self.call("worker-failure", told, job=self.job.job)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_job_goes_all_the_way(worker_client: Client, make_submission: Make, files: Path, edition: str) -> None:
    row = make_submission()
    worker = OldWorker(worker_client, EDITIONS[edition])
    spec = worker.claim()
    assert (spec.model.name, [task.task for task in spec.suite.tasks]) == ("org/model", ["alpha", "beta"])
    assert worker.beat(done=3).cancel is False
    worker.results(worker.chunk())
    row.refresh_from_db()
    assert (row.state, row.results.count(), SampleChunk.objects.count()) == ("scoring", 2, 1)
    job = Job.objects.get()
    assert job.done == job.total == 4


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    ("kind", "state"), [("model", "failed"), ("platform", "queued"), ("released", "queued"), ("cancelled", "cancelled")]
)
def test_it_fails_in_every_way(
    worker_client: Client, make_submission: Make, edition: str, kind: str, state: str
) -> None:
    row = make_submission()
    worker = OldWorker(worker_client, EDITIONS[edition])
    worker.claim()
    worker.fail(kind)
    row.refresh_from_db()
    assert row.state == state


@pytest.mark.parametrize("edition", EDITIONS)
def test_it_hears_that_it_should_stop_and_that_its_lease_is_lost(
    worker_client: Client, make_submission: Make, edition: str
) -> None:
    make_submission()
    worker = OldWorker(worker_client, EDITIONS[edition])
    worker.claim()
    Job.objects.update(cancel_requested=True)
    assert worker.beat().cancel is True
    Job.objects.update(attempt=2)
    told = worker.wire.Heartbeat(attempt=1, phase="evaluating")
    worker.call("worker-heartbeat", told, status=409, job=worker.job.job)


@pytest.mark.parametrize("settings", [{}, {"dtype": "float32", "apply_chat_template": True, "max_length": 2048}])
def test_what_an_old_worker_gets_says_all_that_it_knows(
    worker_client: Client, make_submission: Make, settings: dict[str, Any]
) -> None:
    make_submission(settings=contract.Settings(**settings), description="a suite with every field")
    spec = OldWorker(worker_client, edition_1).claim()
    assert spec.settings == edition_1.Settings(**settings)
    assert spec.suite.description == "a suite with every field"
    assert (spec.suite.tasks[0].baseline, spec.suite.tasks[1].filter) == (0.25, "strict")


def test_a_model_that_thinks_is_for_workers_that_know_how(worker_client: Client, make_submission: Make) -> None:
    make_submission(settings=contract.Settings(thinking=True, think_end="[/THINK]", thinking_tokens=512))
    for old, says in ((edition_1, {}), (contract, {"edition": 3})):
        worker = OldWorker(worker_client, old, **says)
        worker.call("worker-claim", worker.request, status=204)
    spec = OldWorker(worker_client, contract, edition=4).claim()
    assert (spec.settings.thinking, spec.settings.think_end, spec.settings.thinking_tokens) == (True, "[/THINK]", 512)


def test_an_adapter_is_for_workers_that_know_how(worker_client: Client, make_submission: Make) -> None:
    make_submission()
    Revision.objects.update(base_name="org/base", base_sha="b" * 40)
    for old, says in ((edition_1, {}), (contract, {"edition": 5})):
        worker = OldWorker(worker_client, old, **says)
        worker.call("worker-claim", worker.request, status=204)
    model = OldWorker(worker_client, contract, edition=6).claim().model
    assert model.base == contract.ModelRef(name="org/base", sha="b" * 40)


def test_limits_and_what_it_can_run_are_the_newests(worker_client: Client, make_submission: Make) -> None:
    make_submission()
    Job.objects.update(architecture="LlamaForCausalLM", needs_bytes=10, limit_seconds=60)
    told = {"memory_bytes": 10, "architectures": ("LlamaForCausalLM",), "edition": contract.EDITION}
    spec = OldWorker(worker_client, contract, **told).claim()
    assert spec.limit_seconds == 60
    assert Worker.objects.get().edition == contract.EDITION


# The types themselves: what the next change of the contract must not break, also where no call above goes.

SENT = ["ClaimRequest", "Heartbeat", "Sample", "TaskResult", "Chunk", "Results", "Failure"]
GIVEN = ["Settings", "TaskSpec", "SuiteSpec", "ModelRef", "JobSpec", "HeartbeatReply"]


def structs(module: ModuleType) -> Iterator[str]:
    for name, kind in vars(module).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and name != "Wire":
            yield name


def fields(module: ModuleType, name: str) -> dict[str, Any]:
    return {one.encode_name: one for one in msgspec.structs.fields(getattr(module, name))}


def schema(module: ModuleType, name: str) -> dict[str, Any]:
    """The types of a body's fields, comparable between modules."""
    known = msgspec.json.schema(getattr(module, name))
    found: dict[str, Any] = known["$defs"][name]["properties"]
    return found


def test_every_type_of_the_first_edition_is_looked_at() -> None:
    assert sorted(structs(edition_1)) == sorted(SENT + GIVEN)


@pytest.mark.parametrize("name", SENT + GIVEN)
def test_no_field_of_the_first_edition_went_or_changed(name: str) -> None:
    old, new = schema(edition_1, name), schema(contract, name)
    assert {field: as_known(new.get(field), old[field]) for field in old} == old


def as_known(new: Any, old: Any) -> Any:
    """`new` without the values that the first edition did not know: more may be accepted, and an old worker is given
    only jobs for the engines and queues that it named."""
    if isinstance(new, dict) and isinstance(old, dict):
        known = {key: as_known(value, old.get(key)) for key, value in new.items()}
        return known | ({"enum": [one for one in new["enum"] if one in old["enum"]]} if "enum" in old else {})
    return new


@pytest.mark.parametrize("name", SENT)
def test_what_an_old_worker_leaves_out_has_a_default(name: str) -> None:
    old, new = fields(edition_1, name), fields(contract, name)
    assert [field for field, one in new.items() if one.required and not (field in old and old[field].required)] == []


@pytest.mark.parametrize("name", GIVEN)
def test_what_an_old_worker_does_not_know_can_be_left_out(name: str) -> None:
    fresh = set(fields(contract, name)) - set(fields(edition_1, name))
    assert not fresh or getattr(contract, name).__struct_config__.omit_defaults
    assert [field for field in fresh if fields(contract, name)[field].required] == []
