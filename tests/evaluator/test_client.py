"""The worker's HTTP client against a scripted transport: what it repeats, what it does not, what it tells."""

import hashlib
import json
from collections.abc import Callable

import httpx
import pytest

from evaluator.client import LeaseLost, Site, SiteError
from evaluator.contract import ClaimRequest, Heartbeat, JobSpec, ModelRef, Settings, Upcoming
from tests.conftest import suite_spec

JOB = JobSpec(
    job=7, attempt=2, token="secret", lease_seconds=60, heartbeat_seconds=2,
    model=ModelRef(name="o/m", sha="a" * 40), suite=suite_spec(), settings=Settings(),
)  # fmt: skip
CLAIM = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))
Handler = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers in turn; keeps the requests and the waits."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.requests, self.waits = list(answers), list[httpx.Request](), list[float]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def site(self) -> Site:
        http = httpx.Client(base_url="http://site/api/worker/v1/", transport=httpx.MockTransport(self))
        return Site(http, sleep=self.waits.append)


def test_nothing_to_do_is_none() -> None:
    assert Script(httpx.Response(204)).site().claim(CLAIM) is None


def test_what_comes_next_is_asked_once() -> None:
    """Nobody waits for it: the job that runs does not need it."""
    found = b'{"model":{"name":"o/a","sha":"a","base":{"name":"o/b","sha":"b"}},"size_bytes":7}'
    script = Script(httpx.Response(200, content=found), httpx.Response(204), httpx.ConnectError("refused"))
    site = script.site()
    base = ModelRef(name="o/b", sha="b")
    assert site.upcoming(CLAIM) == Upcoming(model=ModelRef(name="o/a", sha="a", base=base), size_bytes=7)
    assert site.upcoming(CLAIM) is None
    with pytest.raises(SiteError, match="does not answer: refused"):
        site.upcoming(CLAIM)
    assert {request.url.path for request in script.requests} == {"/api/worker/v1/upcoming/"}
    assert script.waits == []


def test_a_site_that_is_not_well_is_asked_again_with_growing_waits() -> None:
    script = Script(httpx.ConnectError("refused"), httpx.Response(502), httpx.Response(429), httpx.Response(204))
    assert script.site().claim(CLAIM) is None
    assert script.waits == [0.5, 1.0, 2.0]


def test_it_gives_up_in_the_end_and_says_why() -> None:
    script = Script(*[httpx.ConnectError("refused")] * 6)
    with pytest.raises(SiteError, match="does not answer: refused"):
        script.site().claim(CLAIM)
    assert len(script.requests) == 6


def test_a_refusal_is_not_repeated_and_keeps_the_sites_words() -> None:
    script = Script(httpx.Response(400, json={"code": "bad_result", "message": "alpha: scores must be finite"}))
    with pytest.raises(SiteError, match="alpha: scores must be finite") as refusal:
        script.site().claim(CLAIM)
    assert (refusal.value.status, len(script.requests)) == (400, 1)


def test_a_stale_attempt_is_its_own_error() -> None:
    script = Script(httpx.Response(409, json={"message": "stop"}))
    with pytest.raises(LeaseLost):
        script.site().heartbeat(JOB, Heartbeat(attempt=2, phase="loading"))


def test_a_heartbeat_is_sent_once_for_the_next_comes_anyway() -> None:
    script = Script(httpx.Response(503))
    with pytest.raises(SiteError):
        script.site().heartbeat(JOB, Heartbeat(attempt=2, phase="loading"))
    assert script.waits == []


def test_a_chunk_carries_its_digest_and_the_attempts_token() -> None:
    script = Script(httpx.ReadTimeout("slow"), httpx.Response(201))
    digest = script.site().post_chunk(JOB, 3, b"body")
    assert digest == hashlib.sha256(b"body").hexdigest()
    for request in script.requests:
        assert request.url.path == "/api/worker/v1/jobs/7/attempts/2/chunks/3/"
        assert request.headers["Parity-Chunk-Digest"] == digest
        assert request.headers["Parity-Attempt-Token"] == "secret"
        assert request.content == b"body"


def test_a_damaged_bundle_is_noticed() -> None:
    with pytest.raises(SiteError, match="damaged"):
        Script(httpx.Response(200, content=b"other")).site().bundle("0" * 64)


def test_a_reply_that_is_no_json_is_quoted() -> None:
    script = Script(httpx.Response(404, text="<h1>Not Found</h1>"))
    with pytest.raises(SiteError, match="<h1>Not Found"):
        script.site().claim(CLAIM)


def test_the_body_is_the_contracts() -> None:
    script = Script(httpx.Response(204))
    script.site().claim(CLAIM)
    assert json.loads(script.requests[0].content)["worker"] == "w"
