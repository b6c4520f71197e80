"""The next job's weights come while the current one runs: the real download, from a Hub on loopback."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluator import ahead as module
from evaluator import supervisor
from evaluator.ahead import Ahead
from evaluator.bringing import brought
from evaluator.client import SiteError
from evaluator.config import Config
from evaluator.contract import ClaimRequest, ModelRef, Upcoming
from evaluator.hub import downloaded
from evaluator.supervisor import Clock, Stopped
from evaluator.weights import size_of
from tests.evaluator.fake_hub import FakeHub, Repo
from tests.evaluator.lora import ADAPTER, ADAPTER_SHA, BASE, BASE_SHA, adapter_files, base_files
from tests.evaluator.test_fetch import fetchers, gone

pytestmark = pytest.mark.slow

MODEL = ModelRef(name=BASE, sha=BASE_SHA)
ON_IT = ModelRef(name=ADAPTER, sha=ADAPTER_SHA, base=MODEL)
OTHER = ModelRef(name="org/other", sha="0e" * 20)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(module, "SPARE_BYTES", 0)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHub() as server:
        server.repos[BASE] = Repo(files=base_files(), revisions={"main": BASE_SHA})
        server.repos[ADAPTER] = Repo(files=adapter_files(), revisions={"main": ADAPTER_SHA})
        server.repos[OTHER.name] = Repo(files=base_files(), revisions={"main": OTHER.sha})
        yield server


@pytest.fixture
def config(fake: FakeHub, tmp_path: Path) -> Config:
    return Config(
        url="http://site", token="t", name="w", queues=("cpu",), engines=("vllm",), mirrors=(), state=tmp_path,
        hub_token=None, hub_endpoint=fake.url, memory_bytes=None, architectures=(), child="evaluator.harness",
    )  # fmt: skip


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    one = Ahead()
    yield one
    one.end()


class Site:
    """A site whose line has `model` in front."""

    def __init__(self, model: ModelRef | None, size: int = 1_000) -> None:
        self.model, self.size = model, size
        self.asked: list[ClaimRequest] = []
        self.away = False

    def upcoming(self, request: ClaimRequest) -> Upcoming | None:
        self.asked.append(request)
        if self.away:
            raise SiteError("it does not answer")
        return Upcoming(model=self.model, size_bytes=self.size) if self.model else None


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def here(config: Config, model: ModelRef) -> Path | None:
    return downloaded(model.name, model.sha, target=config.state / "weights")


def looking(ahead: Ahead, site: Site, config: Config, stopping: threading.Event | None = None) -> Any:
    return ahead.looking(site, config, stopping or threading.Event())  # type: ignore[arg-type]


def slowly(fake: FakeHub) -> None:
    """The weights of every model would take minutes."""
    for name in (BASE, OTHER.name):
        fake.repos[name].files["model.safetensors"] += bytes(12_000)
    fake.trickles_on = "model.safetensors"


def fetching(fake: FakeHub) -> bool:
    return any(seen.method == "GET" and seen.path.endswith("model.safetensors") for seen in fake.seen)


def test_what_comes_next_is_there_when_it_is_asked_for(fake: FakeHub, config: Config, ahead: Ahead) -> None:
    site = Site(ON_IT)
    with looking(ahead, site, config):
        until(lambda: here(config, ON_IT))
        assert here(config, MODEL), "the base comes first"
    assert site.asked[0].worker == "w" and site.asked[0].edition >= 6
    ahead.make_way(ON_IT, lambda: None)
    fake.seen.clear()
    with brought(config, ON_IT, config.state, lambda _: None, Clock()) as weights:
        assert weights.adapter == here(config, ON_IT) and weights.model == here(config, MODEL)
    assert fake.seen == []


def test_it_asks_on_and_follows_the_line(config: Config, ahead: Ahead) -> None:
    site = Site(None)
    with looking(ahead, site, config):
        until(lambda: len(site.asked) > 1)
        site.away = True
        site.model = MODEL
        until(lambda: len(site.asked) > 3)
        assert not here(config, MODEL)
        site.away = False
        until(lambda: here(config, MODEL))
        site.model = OTHER
        until(lambda: here(config, OTHER))
    assert ahead._thread is not None
    ahead._thread.join(5)
    asked = len(site.asked)
    time.sleep(0.2)
    assert len(site.asked) == asked, "nobody asks once the job has ended"


def test_a_download_goes_on_behind_its_job_and_the_next_one_waits_for_it(
    fake: FakeHub, config: Config, ahead: Ahead
) -> None:
    slowly(fake)
    with looking(ahead, Site(MODEL), config):
        until(lambda: fetching(fake))
    assert fetchers(config.state), "it goes on"

    checks: list[None] = []

    def check() -> None:
        checks.append(None)
        if len(checks) > 5:
            raise Stopped

    with pytest.raises(Stopped):
        ahead.make_way(MODEL, check)
    assert fetchers(config.state), "the job that waited was stopped, the download was not"


def test_a_job_of_another_model_ends_it(fake: FakeHub, config: Config, ahead: Ahead) -> None:
    slowly(fake)
    with looking(ahead, Site(MODEL), config):
        until(lambda: fetching(fake))
    ahead.make_way(OTHER, lambda: None)
    assert gone(config.state)
    assert not here(config, MODEL)


def test_it_ends_with_the_worker(fake: FakeHub, config: Config, ahead: Ahead) -> None:
    slowly(fake)
    stopping = threading.Event()
    with looking(ahead, Site(MODEL), config, stopping):
        until(lambda: fetching(fake))
        stopping.set()
        until(lambda: not fetchers(config.state))
        assert ahead._thread is not None
        ahead._thread.join(5)
        assert not ahead._thread.is_alive()


def test_the_limit_holds_and_the_running_jobs_weights_stay(config: Config, ahead: Ahead, tmp_path: Path) -> None:
    with brought(config, OTHER, tmp_path, lambda _: None, Clock()) as held:
        small = replace(config, weights_bytes=size_of(held.model) + 500)
        site = Site(MODEL, size=501)
        with looking(ahead, site, small):
            until(lambda: len(site.asked) > 2)
        ahead.end()
        assert not here(config, MODEL) and here(config, OTHER)
    with looking(ahead, site, small):  # nobody uses the other one any more: it makes room
        until(lambda: here(config, MODEL))
    assert not here(config, OTHER)


def test_nothing_is_fetched_where_the_disk_is_nearly_full_or_the_operator_does_not_want_it(
    config: Config, ahead: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(MODEL)
    with looking(ahead, site, replace(config, fetch_ahead=False)):
        time.sleep(0.1)
    assert site.asked == []
    monkeypatch.setattr(module, "SPARE_BYTES", 10**18)
    with looking(ahead, site, config):
        until(lambda: len(site.asked) > 2)
    assert not here(config, MODEL)


def test_what_the_hub_refuses_is_tried_once_and_ends_nothing(fake: FakeHub, config: Config, ahead: Ahead) -> None:
    fake.repos[BASE].gated = True
    site = Site(MODEL)
    with looking(ahead, site, config):
        until(lambda: len(site.asked) > 2)
        tried = len(fake.seen)
        until(lambda: len(site.asked) > 5)
        assert 0 < len(fake.seen) == tried
        site.model = OTHER
        until(lambda: here(config, OTHER))
