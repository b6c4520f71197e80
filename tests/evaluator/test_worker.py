"""A real worker process against the real site over HTTP, without a broker; only the child is a stand-in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django.live_server_helper import LiveServer

from evaluator import hub
from evaluator.contract import ClaimRequest
from leaderboard.api import worker as site
from leaderboard.models import Job, Revision, SampleChunk, Submission, Suite, Worker, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.environment import ROOT
from tests.evaluator import lora
from tests.evaluator.fake_hub import safetensors

pytestmark = [pytest.mark.django_db(transaction=True)]
Make = Callable[..., Submission]


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror" / "models" / "org" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    (folder / "model.safetensors").write_bytes(safetensors({"w": ("F32", (2, 2))}))
    return tmp_path / "mirror"


@pytest.fixture
def broker() -> dict[str, str]:
    """Where the worker's bell rings: none, unless a test says otherwise."""
    return {}


@pytest.fixture
def worker(
    live_server: LiveServer, worker_token: WorkerToken, mirror: Path, tmp_path: Path, files: Path,
    broker: dict[str, str],
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_") and name != "REDIS_URL"}
    variables = {
        **kept,
        **broker,
        "PARITY_URL": live_server.url,
        "PARITY_WORKER_TOKEN": WORKER_SECRET,
        "PARITY_STATE": str(tmp_path / "state"),
        "PARITY_HUB_MIRROR": str(mirror),
        "PARITY_WORKER_CHILD": "tests.evaluator.fake_child",
    }
    process = subprocess.Popen([sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, env=variables)
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_without_a_broker_asks_the_site(
    worker: subprocess.Popen[bytes], make_submission: Make, mirror: Path
) -> None:
    make_submission(sha=hub.pin("org/model", mirrors=[mirror], token=None).sha)
    until(lambda: Submission.objects.get().state == "scoring")
    assert SampleChunk.objects.count() == 1
    assert Submission.objects.get().provenance["engine"] == "fake"


def test_an_adapter_is_run_on_its_base(worker: subprocess.Popen[bytes], make_submission: Make, mirror: Path) -> None:
    for name, files in ((lora.BASE, lora.base_files()), (lora.ADAPTER, lora.adapter_files(rank=4))):
        folder = mirror / "models" / name
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
    pinned = hub.pin(lora.ADAPTER, mirrors=[mirror], token=None)
    assert pinned.base is not None
    with transaction.atomic():  # no worker sees it without its base
        row = make_submission(lora.ADAPTER, sha=pinned.sha)
        Revision.objects.update(base_name=pinned.base.name, base_sha=pinned.base.sha)
    until(lambda: Submission.objects.get().state == "scoring")
    row.refresh_from_db()
    assert row.provenance["plan"]["lora_rank"] == 8


def test_a_worker_that_is_stopped_gives_its_job_back_at_once(
    worker: subprocess.Popen[bytes], make_submission: Make, mirror: Path, suite: Suite
) -> None:
    submission = make_submission(sha=hub.pin("org/model", mirrors=[mirror], token=None).sha, description="hang")
    until(lambda: Job.objects.get().phase == "evaluating")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    job = Job.objects.get()
    assert (job.state, job.losses, submission.events.last().reason) == (
        "queued",
        0,
        "released by its worker",
    )


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who said hello to the site."""
    names: list[str] = []

    def introduce(*, token: WorkerToken, request: ClaimRequest) -> Worker:
        names.append(request.worker)
        return real(token=token, request=request)

    real = site.introduce
    monkeypatch.setattr(site, "introduce", introduce)
    return names


@pytest.mark.parametrize("broker", [{"REDIS_URL": os.environ["REDIS_URL"], "PARITY_WORKER_NAME": "idle"}])
def test_a_worker_that_waits_for_its_bell_says_that_it_is_there(
    heard: list[str], worker: subprocess.Popen[bytes]
) -> None:
    until(lambda: heard == ["idle"])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
