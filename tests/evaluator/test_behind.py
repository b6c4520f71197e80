"""Jobs about endpoints as a worker does them: the gateway around the child, what is told, and what is kept."""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator import behind, jobs
from evaluator.config import Config
from evaluator.contract import (
    Chunk,
    EndpointSpec,
    Failure,
    Heartbeat,
    HeartbeatReply,
    JobSpec,
    ModelRef,
    Preflight,
    Price,
    Results,
    Settings,
    Spent,
)
from tests.conftest import suite_spec
from tests.evaluator import scripted

KEY = "sk-canary-77aa01"
MOST = 1_000_000


@dataclass
class Told:
    """A site that remembers what it is told; `cancel` makes it ask for the end."""

    cancel: bool = False
    beats: list[Heartbeat] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    results: list[Results] = field(default_factory=list)
    looks: list[Preflight] = field(default_factory=list)

    def heartbeat(self, _: JobSpec, beat: Heartbeat) -> HeartbeatReply:
        self.beats.append(beat)
        return HeartbeatReply(cancel=self.cancel, lease_seconds=60)

    def post_chunk(self, *_: Any) -> str:
        return "0" * 64

    def post_results(self, _: JobSpec, results: Results) -> None:
        self.results.append(results)

    def post_preflight(self, _: JobSpec, found: Preflight) -> None:
        self.looks.append(found)

    def post_failure(self, _: JobSpec, failure: Failure) -> None:
        self.failures.append(failure)


def config(state: Path) -> Config:
    return Config(
        url="http://site", token="t", name="w", queues=("api",), engines=("endpoint",), mirrors=(), state=state,
        hub_token=None, hub_endpoint=None, memory_bytes=None, architectures=(), child="tests.evaluator.asking_child",
    )  # fmt: skip


def job(server: scripted.Server, *, ask: int = 12, attempt: int = 1, number: int = 7, **about: Any) -> JobSpec:
    given: dict[str, Any] = {
        "price": Price(input=1.0, output=1.0), "budget_tokens": MOST, "concurrency": 2, "allowed": ("127.0.0.1",),
    }  # fmt: skip
    endpoint = EndpointSpec(
        base_url=server.url, protocol="openai-chat", model=scripted.MODEL, api_key=KEY,
        **(given | about),
    )  # fmt: skip
    return JobSpec(
        job=number, attempt=attempt, token="secret", lease_seconds=60, heartbeat_seconds=0.05,
        model=ModelRef(name="127.0.0.1:80/toy", sha="a" * 40),
        suite=msgspec.structs.replace(suite_spec(), description=f"ask {ask}"), settings=Settings(engine="endpoint"),
        endpoint=endpoint,
    )  # fmt: skip


def work(site: Told, state: Path, spec: JobSpec) -> None:
    jobs.work(site, config(state), spec, threading.Event())  # type: ignore[arg-type]


def answers(call: scripted.Call) -> scripted.Reply:
    time.sleep(0.02)
    return scripted.said(call, "2", tokens_in=10, tokens_out=10)


def test_a_run_tells_what_it_spends_and_leaves_nothing_behind(tmp_path: Path) -> None:
    site = Told()
    with scripted.serving(answers) as server:
        work(site, tmp_path, job(server))
    assert (len(site.results), site.failures, len(server.calls)) == (1, [], 12)
    spent = site.results[0].spent
    assert spent is not None and (spent.requests, spent.input_tokens, spent.output_tokens) == (12, 120, 120)
    assert any(beat.spent and 0 < beat.spent.requests < 12 for beat in site.beats)
    assert site.results[0].chunks == (Chunk(sequence=0, digest="0" * 64, samples=4),)
    assert list((tmp_path / "endpoints").iterdir()) == []
    seen = "".join(beat.log for beat in site.beats)
    assert "asking_child" in seen and KEY not in seen and f":{server.port}" not in seen


def test_at_the_budget_it_pauses_and_goes_on_as_the_same_job_without_paying_twice(tmp_path: Path) -> None:
    site = Told()
    with scripted.serving(answers) as server:
        work(site, tmp_path, job(server, budget_tokens=200))
        (paused,) = site.failures
        assert (paused.kind, paused.code) == ("budget", "budget")
        assert paused.spent is not None and 0 < paused.spent.requests == len(server.calls) < 12
        assert paused.spent.input_tokens + paused.spent.output_tokens <= 200
        work(site, tmp_path, job(server, attempt=2, spent=paused.spent))
        assert site.failures == [paused]
        spent = site.results[0].spent
        assert spent is not None
        assert (spent.requests, spent.replayed, len(server.calls)) == (12, paused.spent.requests, 12)
        assert list((tmp_path / "endpoints").iterdir()) == []
        work(site, tmp_path, job(server, number=8))
    assert len(server.calls) == 24, "another job asks everything anew"


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (scripted.refused(401, "Incorrect API key."), "model", "credentials_refused"),
        (scripted.refused(404, "No such path."), "model", "not_found"),
        (scripted.refused(402, "Top up."), "budget", "account_empty"),
    ],
)
def test_what_ends_the_gateway_ends_the_child_at_once(
    tmp_path: Path, reply: scripted.Reply, kind: str, code: str
) -> None:
    site = Told()
    with scripted.serving(lambda _: reply) as server:
        began = time.monotonic()
        work(site, tmp_path, job(server, ask=2000))
        assert time.monotonic() - began < 20
    (failure,) = site.failures
    assert (failure.kind, failure.code) == (kind, code)
    assert failure.spent is not None and failure.spent.errors == {
        str(reply.status): failure.spent.errors[str(reply.status)]
    }
    assert (tmp_path / "endpoints").exists() and bool(list((tmp_path / "endpoints").iterdir())) == (kind == "budget")


def test_an_address_that_may_not_be_contacted_is_never(tmp_path: Path) -> None:
    site = Told()
    with scripted.serving(answers) as server:
        work(site, tmp_path, job(server, allowed=()))
        work(site, tmp_path, job(server, allowed=(), preflight=True))
        assert server.calls == []
    assert {failure.kind for failure in site.failures} == {"model"}
    assert len({failure.code for failure in site.failures}) == 1


def test_a_cancelled_run_tells_what_it_has_spent(tmp_path: Path) -> None:
    site = Told()

    def script(call: scripted.Call) -> scripted.Reply:
        site.cancel = True
        return answers(call)

    with scripted.serving(script) as server:
        work(site, tmp_path, job(server, ask=2000))
    (failure,) = site.failures
    assert failure.kind == "cancelled" and isinstance(failure.spent, Spent)
    assert failure.spent.requests > 0
    assert list((tmp_path / "endpoints").glob("*")) == []


def test_a_look_is_answered_without_a_child(tmp_path: Path) -> None:
    site = Told()
    with scripted.serving(answers) as server:
        work(site, tmp_path, job(server, preflight=True))
    (found,) = site.looks
    assert found.spent is not None and found.spent.requests == 3
    assert found.attempt == 1 and not (tmp_path / "endpoints").exists()


def test_journals_that_nobody_resumed_are_swept(tmp_path: Path) -> None:
    for name in ("old", "new"):
        folder = tmp_path / "endpoints" / name
        folder.mkdir(parents=True)
        (folder / "requests.jsonl").write_text("x")
    ago = time.time() - behind.KEPT_SECONDS - 60
    os.utime(tmp_path / "endpoints" / "old" / "requests.jsonl", (ago, ago))
    behind.sweep(tmp_path)
    assert [folder.name for folder in (tmp_path / "endpoints").iterdir()] == ["new"]


def test_answers_to_somebodys_own_prompts_are_forgotten_within_a_day(tmp_path: Path) -> None:
    day = time.time() - behind.PRIVATE_SECONDS - 60
    for name in ("7-abc", f"{behind.PRIVATE}8-abc", f"{behind.PRIVATE}9-abc"):
        folder = tmp_path / "endpoints" / name
        folder.mkdir(parents=True)
        (folder / "requests.jsonl").write_text("x")
        os.utime(folder / "requests.jsonl", (day, day) if not name.endswith("9-abc") else None)
    behind.sweep(tmp_path)
    assert {folder.name for folder in (tmp_path / "endpoints").iterdir()} == {"7-abc", f"{behind.PRIVATE}9-abc"}
