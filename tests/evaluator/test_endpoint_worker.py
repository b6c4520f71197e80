"""A real worker of the api queue against the real site over HTTP, and a model's API on loopback. Only the child is a
stand-in: it asks the gateway, and needs no lm-eval."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator.contract import SuiteSpec, TaskSpec, encode
from leaderboard.actions.load_suites import release
from leaderboard.models import Job, Submission, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.environment import ROOT
from tests.evaluator import scripted

pytestmark = [pytest.mark.django_db(transaction=True)]
KEY = "sk-canary-9e4a31"
PATH = "/api/v1/submissions/"
Submit = Callable[..., int]


@pytest.fixture
def talk(settings: DjangoSettings) -> None:
    """A suite whose evaluation asks thirty times, and leave to ask on loopback."""
    settings.ENDPOINT_ENTRIES = ["127.0.0.1"]
    task = TaskSpec(task="gamma", title="Gamma", metric="exact_match", filter="strict")
    spec = SuiteSpec(name="talk", version=1, title="Talk", tasks=(task,), description="ask 30")
    release(spec, msgspec.json.decode(encode(spec)), None)


@pytest.fixture
def api(talk: None, api_token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {api_token}"})


@pytest.fixture
def submit(api: Client) -> Submit:
    def submit(server: scripted.Server, **about: Any) -> int:
        endpoint = {
            "base_url": server.url, "protocol": "openai-chat", "model": scripted.MODEL, "api_key": KEY,
            "budget_tokens": 100_000, "concurrency": 2,
        }  # fmt: skip
        reply = api.post(PATH, {"suite": "talk@1", "endpoint": endpoint | about}, "application/json")
        assert reply.status_code == 201, reply.content
        return int(reply.json()["id"])

    return submit


@pytest.fixture
def worker(
    live_server: LiveServer, talk: None, worker_token: WorkerToken, tmp_path: Path, files: Path
) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_") and name != "REDIS_URL"}
    variables = {
        **kept,
        "PARITY_URL": live_server.url,
        "PARITY_WORKER_TOKEN": WORKER_SECRET,
        "PARITY_WORKER_QUEUES": "api",
        "PARITY_WORKER_ENGINES": "endpoint",
        "PARITY_WORKER_SLOTS": "1",
        "PARITY_WORKER_CHILD": "tests.evaluator.asking_child",
        "PARITY_STATE": str(tmp_path / "state"),
    }
    process = subprocess.Popen([sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, env=variables)
    yield process
    process.kill()
    process.wait()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, [(row.state, row.error_message) for row in Submission.objects.all()]
        time.sleep(0.05)


def state(number: int) -> str:
    return str(Submission.objects.get(pk=number).state)


def answers(call: scripted.Call) -> scripted.Reply:
    if call.path == "models":
        return scripted.Reply({"data": [{"id": scripted.MODEL, "max_model_len": 2048}]})
    return scripted.said(call, "2", tokens_in=10, tokens_out=10)


def test_an_endpoint_is_looked_at_asked_paused_resumed_and_measured(
    worker: subprocess.Popen[bytes], submit: Submit, api: Client, tmp_path: Path
) -> None:
    with scripted.serving(answers) as server:
        number = submit(server, budget_tokens=400)
        until(lambda: state(number) == "paused")
        row = Submission.objects.get(pk=number)
        assert (row.error_code, row.use.report["context_length"]) == ("budget", 2048)
        spent = Job.objects.get(submission=row, kind="evaluation").spent
        assert 0 < spent["input_tokens"] + spent["output_tokens"] <= 400
        resumed = api.post(f"{PATH}{number}/resume/", {"budget_tokens": 50_000}, "application/json")
        assert resumed.status_code == 200, resumed.content
        until(lambda: state(number) == "scoring")
        asked = [call for call in server.calls if call.path == "chat/completions"]
        assert len(asked) == 3 + 30, "the look, and every item once"
    spent = Job.objects.get(submission=row, kind="evaluation").spent
    assert spent["requests"] == 33 and spent["replayed"] > 0
    until(lambda: list((tmp_path / "state" / "endpoints").iterdir()) == [])  # once the site has what was measured


def test_a_look_does_not_stand_behind_evaluations(worker: subprocess.Popen[bytes], submit: Submit) -> None:
    """The only slot is busy for a minute; the look at another endpoint is answered meanwhile."""
    slow = scripted.serving(lambda call: (time.sleep("+ 1" in str(call.body) and 2), answers(call))[1])
    with slow as busy, scripted.serving(answers) as server:
        first = submit(busy)
        until(lambda: state(first) == "running" and len(busy.calls) > 4)
        began = time.monotonic()
        second = submit(server)
        until(lambda: state(second) == "queued", seconds=10)
        assert time.monotonic() - began < 10
        assert state(first) == "running"


def test_a_wrong_key_is_named_within_ten_seconds(worker: subprocess.Popen[bytes], submit: Submit) -> None:
    with scripted.serving(lambda _: scripted.refused(401, f"Incorrect API key: {KEY}.")) as server:
        began = time.monotonic()
        number = submit(server)
        until(lambda: state(number) == "rejected")
        assert time.monotonic() - began < 10
    row = Submission.objects.get(pk=number)
    assert row.error_code == "credentials_refused" and KEY not in row.error_message
