"""A worker among failures: it tells the site how every attempt ended, and it lives on."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from evaluator import jobs, worker
from evaluator.client import LeaseLost, Site, SiteError
from evaluator.config import Config
from evaluator.contract import ClaimRequest, Failure, HeartbeatReply, JobSpec, ModelRef, Settings, SuiteSpec, encode
from evaluator.lease import Lease
from evaluator.run import Outcome, Progress
from evaluator.suites import SuiteError
from tests.conftest import suite_spec

CLAIM = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))


def job(suite: SuiteSpec | None = None) -> JobSpec:
    return JobSpec(
        job=7, attempt=2, token="secret", lease_seconds=0.3, heartbeat_seconds=0.02,
        model=ModelRef(name="o/m", sha="a" * 40), suite=suite or suite_spec(), settings=Settings(),
    )  # fmt: skip


def config(state: Path) -> Config:
    return Config(
        url="http://site", token="t", name="w", queues=("cpu",), engines=("vllm",), mirrors=(), state=state,
        hub_token=None, hub_endpoint=None, memory_bytes=None, architectures=(), child="evaluator.harness",
    )  # fmt: skip


class Told:
    """A site that takes heartbeats and remembers how the attempt ended."""

    def __init__(self, refuse_results: SiteError | None = None) -> None:
        self.failures: list[Failure] = []
        self.refuse_results = refuse_results

    def heartbeat(self, *_: Any) -> HeartbeatReply:
        return HeartbeatReply(cancel=False, lease_seconds=60)

    def post_results(self, *_: Any) -> None:
        if self.refuse_results is not None:
            raise self.refuse_results

    def post_failure(self, _: JobSpec, failure: Failure) -> None:
        self.failures.append(failure)


def evaluated(*_: Any) -> Outcome:
    return Outcome(tasks=(), table={}, provenance={}, load_seconds=1, evaluation_seconds=1)


@pytest.mark.parametrize("status", [400, 413])
def test_results_that_the_site_refuses_end_the_attempt_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Else the lease runs out and the same evaluation is done three times, to end as "its worker was lost"."""
    site = Told(refuse_results=SiteError(f"answered {status}: alpha: scores must be finite numbers", status=status))
    monkeypatch.setattr(jobs, "evaluate", evaluated)
    monkeypatch.setattr(jobs, "post_samples", lambda *_: [])
    try:
        jobs.work(site, config(tmp_path), job(), threading.Event())  # type: ignore[arg-type]
    except SiteError:
        pass
    assert [failure.message for failure in site.failures if "finite" in failure.message]


@pytest.mark.parametrize("outcome", ["measured", "failed"])
def test_an_end_that_is_told_too_late_is_no_failure_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """Else it would give up its bell, and leave the jobs that wait to the next one."""

    class Late(Told):
        def post_failure(self, _: JobSpec, failure: Failure) -> None:
            raise LeaseLost("answered 409: Attempt 2 does not hold job 7 (any more)", status=409)

    def evaluate(*_: Any) -> Outcome:
        if outcome == "failed":
            raise OSError(28, "No space left on device")
        return evaluated()

    site = Late(refuse_results=LeaseLost("answered 409", status=409))
    monkeypatch.setattr(jobs, "evaluate", evaluate)
    monkeypatch.setattr(jobs, "post_samples", lambda *_: [])
    jobs.work(site, config(tmp_path), job(), threading.Event())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), SuiteError("The archive is damaged."), MemoryError()], ids=repr
)
def test_whatever_breaks_on_this_host_is_told_to_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    site = Told()

    def broken(*_: Any) -> Outcome:
        raise error

    monkeypatch.setattr(jobs, "evaluate", broken)
    try:
        jobs.work(site, config(tmp_path), job(), threading.Event())  # type: ignore[arg-type]
    except type(error):
        pass
    assert site.failures


@pytest.mark.parametrize("broken", ["a claim that is no job", "a job that breaks the worker"])
def test_a_polling_worker_outlives_one_bad_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A proxy's HTML page with status 200, or a full disk, must not end the worker."""
    monkeypatch.setattr(worker, "stopping", SimpleNamespace(is_set=lambda: len(asked) > 1, wait=lambda _: None))
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) > 1:
            return httpx.Response(204)
        return httpx.Response(200, content=b"<html>" if broken.startswith("a claim") else encode(job()))

    def work(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs, "work", work)
    http = httpx.Client(base_url="http://site/api/worker/v1/", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(worker.Site, "connect", lambda *_: Site(http, sleep=lambda _: None))
    try:
        worker.poll(config(tmp_path))
    except Exception as error:
        pytest.fail(f"the worker ended: {error!r}")


def test_a_worker_that_may_not_wait_at_the_site_waits_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would ask hundreds of times a second."""
    waits: list[float] = []
    monkeypatch.setattr(worker, "stopping", SimpleNamespace(is_set=lambda: len(waits) > 2, wait=waits.append))
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    nothing = httpx.MockTransport(lambda _: httpx.Response(204))
    monkeypatch.setattr(
        worker.Site, "connect", lambda *_: Site(httpx.Client(base_url="http://site/", transport=nothing))
    )
    worker.poll(config(tmp_path))
    assert waits == [worker.POLL_SECONDS] * 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("answer", [b"<html>busy</html>", b"{}", b""], ids=repr)
def test_a_heartbeat_with_a_strange_answer_does_not_end_the_heartbeats(answer: bytes) -> None:
    """Else the evaluation goes on for hours with nobody renewing its lease."""
    answered: list[int] = []

    def respond(_: httpx.Request) -> httpx.Response:
        answered.append(1)
        return httpx.Response(200, content=answer)

    http = httpx.Client(base_url="http://site/api/worker/v1/", transport=httpx.MockTransport(respond))
    with Lease(Site(http), job(), threading.Event()) as lease:
        lease.tell(Progress())
        threading.Event().wait(0.3)
    assert len(answered) > 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_no_success(status: int) -> None:
    """PARITY_URL with http:// where the site moved to https://: the results would count as delivered and be lost."""
    moved = httpx.MockTransport(lambda _: httpx.Response(status, headers={"location": "https://site/"}))
    site = Site(httpx.Client(base_url="http://site/api/worker/v1/", transport=moved), sleep=lambda _: None)
    with pytest.raises(SiteError):
        site.post_failure(job(), Failure(attempt=2, kind="model", code="c", message="m"))


def test_a_claim_whose_answer_was_lost_is_sent_again_as_the_same_claim() -> None:
    """Else the job of the first one would be leased to nobody until its lease runs out."""
    nonces: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        nonces.append(json.loads(request.content)["nonce"])
        if len(nonces) == 1:
            raise httpx.ReadTimeout("the answer was lost")
        return httpx.Response(204)

    site = Site(
        httpx.Client(base_url="http://site/api/worker/v1/", transport=httpx.MockTransport(answer)), sleep=lambda _: None
    )
    assert site.claim(CLAIM) is None
    assert site.claim(CLAIM) is None
    assert nonces[0] == nonces[1] != nonces[2]
    assert len(nonces[0]) == 32
