"""The client against a scripted site: what it repeats, what it does not, and what it says."""

from typing import Any

import httpx
import pytest

from evaluator.api_client import ApiError, Parity

ROW: dict[str, Any] = {
    "id": 7, "state": "running", "url": "http://a/submissions/7", "suite": "tiny@1", "model": "org/m",
    "revision": "main",
}  # fmt: skip
Answer = httpx.Response | Exception


class Site:
    """Answers in turn, and remembers what it was asked; `paused` is how long the client slept."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked, self.paused = list(answers), list[httpx.Request](), list[float]()
        transport = httpx.MockTransport(self.answer)
        self.client = Parity("http://a/", "parity_t", sleep=self.paused.append, http=httpx.Client(transport=transport))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        told = self.answers.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


def refused(status: int, code: str = "bad", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": "No."}, headers=headers)


def test_a_submission_is_repeated_under_one_key_until_it_is_answered() -> None:
    site = Site(httpx.ConnectError("gone"), refused(502), httpx.Response(201, json=ROW))
    assert site.client.submit("org/m", suite="tiny@1").id == 7
    keys = {request.headers["Idempotency-Key"] for request in site.asked}
    assert (len(site.asked), len(keys), site.paused) == (3, 1, [0.5, 1.0])
    assert {request.headers["Authorization"] for request in site.asked} == {"Bearer parity_t"}


def test_two_submissions_have_two_keys_and_a_given_one_is_kept() -> None:
    site = Site(*[httpx.Response(201, json=ROW) for _ in range(3)])
    for key in ("", "", "mine"):
        site.client.submit("org/m", suite="tiny@1", key=key)
    keys = [request.headers["Idempotency-Key"] for request in site.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_it_waits_as_long_as_it_is_told() -> None:
    site = Site(refused(429, "too_many_requests", **{"Retry-After": "7"}), httpx.Response(200, json=ROW))
    assert site.client.submission(7).state == "running"
    assert site.paused == [7]


@pytest.mark.parametrize(
    "answer",
    [
        refused(400), refused(401), refused(404), refused(409, "duplicate_submission"),
        refused(429, "quota", **{"Retry-After": "3"}),
        refused(429, "too_many_requests", **{"Retry-After": "3600"}),
    ],
)  # fmt: skip
def test_what_cannot_succeed_is_not_repeated(answer: httpx.Response) -> None:
    site = Site(answer)
    with pytest.raises(ApiError, match=r"No\.") as caught:
        site.client.submit("org/m", suite="tiny@1")
    assert (caught.value.status, site.paused) == (answer.status_code, [])


def test_it_gives_up_in_the_end_and_says_why() -> None:
    site = Site(*[httpx.ConnectError("refused") for _ in range(5)])
    with pytest.raises(ApiError, match="http://a does not answer: refused") as caught:
        site.client.status()
    assert (caught.value.status, len(site.asked)) == (0, 5)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, text="<html>"), "Is it a Parity site"),
        (httpx.Response(200, json={"id": "x"}), "does not understand"),
        (httpx.Response(301, headers={"location": "https://b/"}), "PARITY_URL to where https://b/"),
        (httpx.Response(404, text="<html>"), "answered 404"),
    ],
)
def test_something_that_is_no_site_is_told(answer: httpx.Response, words: str) -> None:
    with pytest.raises(ApiError, match=words):
        Site(answer).client.submission(7)


def test_waiting_asks_the_site_to_wait_and_ends_with_it() -> None:
    site = Site(*[httpx.Response(200, json={**ROW, "state": state}) for state in ("queued", "running", "succeeded")])
    assert site.client.wait(7).state == "succeeded"
    assert [request.url.query for request in site.asked] == [b"wait=25"] * 3
    assert site.paused == [1.0, 1.0]  # this site answers at once: it has no place to wait


def test_waiting_ends_when_the_time_is_over() -> None:
    site = Site(httpx.Response(200, json=ROW))
    with pytest.raises(TimeoutError, match="still running"):
        site.client.wait(7, timeout=0)


def test_a_list_is_followed_on_the_site_that_was_asked() -> None:
    line = {"model": "org/m", "rank": 1, "rank_interval": [1, 2], "score": 50.0}
    site = Site(
        httpx.Response(200, json={"next": "https://inside/api/v1/leaderboard/?cursor=x&suite=t", "results": [line]}),
        httpx.Response(200, json={"next": None, "results": [line]}),
    )
    rows = list(site.client.leaderboard("t", filters={"kind": ["open", "proprietary"]}))
    assert [row.rank_interval for row in rows] == [(1, 2), (1, 2)]
    assert str(site.asked[0].url).endswith("suite=t&page_size=200&kind=open&kind=proprietary")
    assert str(site.asked[1].url) == "http://a/api/v1/leaderboard/?cursor=x&suite=t"


def test_a_bakeoff_is_begun_followed_and_decided() -> None:
    live, ended = {"live": True, "models": []}, {"live": False, "models": [{"number": 1}]}
    decided = {"answer": "stay", "checks": [], "more_items": None}
    replies = [httpx.Response(201, json={"id": 3}), *(httpx.Response(200, json=one) for one in (live, ended, decided))]
    site = Site(*replies)
    made = site.client.bakeoff(workload=1, models=[{"model": "org/old"}, {"model": "org/new"}])
    assert site.client.report(made, wait=True) == ended
    assert site.client.switch(made, margin=1.0)["answer"] == "stay"
    paths = [f"{request.url.path}?{request.url.query.decode()}" for request in site.asked]
    assert paths == [
        "/api/v1/bakeoffs/?", "/api/v1/bakeoffs/3/?wait=25", "/api/v1/bakeoffs/3/?wait=25",
        "/api/v1/bakeoffs/3/switch/?margin=1.0",
    ]  # fmt: skip
