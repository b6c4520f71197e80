"""Fetching weights in a process of its own, which ends when the lease says so: the real one, from a Hub on loopback."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluator import fetch, hub, jobs, supervisor
from evaluator.client import LeaseLost
from evaluator.config import Config
from evaluator.contract import Failure, HeartbeatReply, JobSpec, ModelRef, Settings
from evaluator.supervisor import Clock, Died
from tests.conftest import suite_spec
from tests.evaluator.fake_hub import SHA, FakeHub, Repo, tiny_model
from tests.stack import processes

pytestmark = pytest.mark.slow

NAME, TOKEN = "org/tiny-1.0", "hf_canary"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHub() as server:
        server.repos[NAME] = Repo(gated=True, readers=(TOKEN,))
        yield server


@pytest.fixture
def slow(fake: FakeHub) -> FakeHub:
    """A Hub that would take ten minutes for the weights."""
    fake.repos[NAME].files["model.safetensors"] += bytes(12_000)
    fake.trickles_on = "model.safetensors"
    return fake


def get(fake: FakeHub, folder: Path, *, token: str | None = TOKEN, **how: Any) -> Path:
    request = fetch.Request(name=NAME, sha=SHA, target=str(folder / "weights"), endpoint=fake.url)
    given = {"watch": lambda _: None, "clock": Clock(), **how}
    return fetch.fetch(request, token=token, folder=folder / "fetch", **given)


def fetchers(folder: Path) -> dict[int, str]:
    """The processes that fetch for this test."""
    return {pid: one.command for pid, one in processes().items() if str(folder) in one.command}


def gone(folder: Path) -> bool:
    """A killed process is gone a moment after the signal."""
    deadline = time.monotonic() + 5
    while fetchers(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not fetchers(folder)


def test_the_weights_arrive_once(fake: FakeHub, tmp_path: Path) -> None:
    there = get(fake, tmp_path)
    assert (there / "model.safetensors").read_bytes() == tiny_model()["model.safetensors"]
    fake.seen.clear()
    assert get(fake, tmp_path) == there
    assert fake.seen == []


def test_what_the_hub_refuses_keeps_its_words(fake: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(hub.HubError) as caught:
        get(fake, tmp_path, token=None)
    assert caught.value.code == "gated"
    assert "has no HF_TOKEN" in caught.value.message


def test_a_fetch_that_dies_may_be_tried_again(fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MODULE", "evaluator.absent")
    with pytest.raises(hub.HubError) as caught:
        get(fake, tmp_path)
    assert caught.value.code in jobs.PLATFORM_CODES
    assert "evaluator.absent" in caught.value.message


def test_a_fetch_that_takes_too_long_is_ended(slow: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(Died) as death:
        get(slow, tmp_path, clock=Clock(limit=1.5))
    assert death.value.code == "time_limit"
    assert gone(tmp_path)


class Site:
    """A site that takes heartbeats, and ends the attempt when it is told to."""

    def __init__(self) -> None:
        self.cancel, self.lost = False, False
        self.failures: list[Failure] = []

    def heartbeat(self, *_: Any) -> HeartbeatReply:
        if self.lost:
            raise LeaseLost("somebody else has it", status=409)
        return HeartbeatReply(cancel=self.cancel, lease_seconds=60)

    def post_failure(self, _: JobSpec, failure: Failure) -> None:
        self.failures.append(failure)


def cancelled(site: Site, _: threading.Event) -> None:
    site.cancel = True


def lost(site: Site, _: threading.Event) -> None:
    site.lost = True


def stopped(_: Site, stopping: threading.Event) -> None:
    stopping.set()


@pytest.mark.parametrize(("end", "told"), [(cancelled, ["cancelled"]), (lost, []), (stopped, ["released"])])
def test_a_download_ends_when_the_attempt_does(
    slow: FakeHub, tmp_path: Path, end: Callable[[Site, threading.Event], None], told: list[str]
) -> None:
    """And nothing of it is left; while it ran, the token was in its memory only."""
    job = JobSpec(
        job=7, attempt=2, token="secret", lease_seconds=60, heartbeat_seconds=0.05,
        model=ModelRef(name=NAME, sha=SHA), suite=suite_spec(), settings=Settings(),
    )  # fmt: skip
    config = Config(
        url="http://site", token="t", name="w", queues=("cpu",), engines=("vllm",), mirrors=(), state=tmp_path,
        hub_token=TOKEN, hub_endpoint=slow.url, memory_bytes=None, architectures=(), child="evaluator.harness",
    )  # fmt: skip
    site, stopping = Site(), threading.Event()
    working = threading.Thread(target=jobs.work, args=(site, config, job, stopping))
    working.start()
    deadline = time.monotonic() + 20
    while not any(seen.path.endswith("model.safetensors") and seen.method == "GET" for seen in slow.seen):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running = fetchers(tmp_path)
    assert running
    assert not any(TOKEN in command for command in running.values())
    assert not any(TOKEN.encode() in Path(f"/proc/{pid}/environ").read_bytes() for pid in running)
    assert not any(TOKEN in path.read_text(errors="replace") for path in (tmp_path / "runs").rglob("*.json"))
    asked = time.monotonic()
    end(site, stopping)
    working.join(10)
    assert not working.is_alive()
    assert time.monotonic() - asked < 3
    assert [failure.kind for failure in site.failures] == told
    assert gone(tmp_path)
