"""Looking at an endpoint: one exchange, as it is."""

import time
from pathlib import Path

import pytest

from evaluator.contract import Protocol
from evaluator.gateway import Gateway
from tests import hostile_endpoint as hostile
from tests.evaluator.gateway.asked import HASTY, KEY, body_of, post, spec_of

MODELS = {"object": "list", "data": [{"id": "named", "max_model_len": 2048}]}


def test_an_answer_with_its_times_and_headers(tmp_path: Path) -> None:
    answer_slowly = hostile.streamed([*hostile.deltas("a b c"), "[DONE]"], pause=0.05)
    with (
        hostile.serving(answer_slowly) as endpoint,
        Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway,
    ):
        answer = gateway.ask(body_of())
        assert (answer.status, answer.error) == (200, "")
        assert answer.body["choices"][0]["message"]["content"] == "a b c"
        assert answer.first_token_seconds is not None
        assert answer.first_token_seconds < 0.1 < 0.15 < answer.seconds
        assert answer.headers["content-type"] == "text/event-stream"
        gateway.ask(body_of())
        post(gateway)
        assert (gateway.spent().requests, gateway.spent().replayed) == (3, 0)
    assert len(endpoint.calls) == 3


def test_what_was_looked_at_counts_after_a_restart(tmp_path: Path) -> None:
    with hostile.serving() as endpoint:
        with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
            gateway.ask(body_of())
        with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
            assert gateway.spent().requests == 1


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (hostile.refusal(401, "Incorrect API key"), 401, "credentials_refused"),
        (hostile.refusal(400, "System role not supported"), 400, "400"),
        (hostile.refusal(429, "slow down", {"Retry-After": "60"}), 429, "429"),
        (hostile.refusal(500, "oops"), 500, "500"),
        (hostile.hang(5), 0, "timeout"),
        (hostile.said(200, b"no"), 0, "bad_json"),
        (hostile.said(302, b"", {"Location": "/"}), 302, "redirected"),
    ],
)
def test_what_goes_wrong_is_told_and_ends_nothing(answer: hostile.Answer, status: int, error: str) -> None:
    with hostile.serving(answer) as endpoint, Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
        began = time.monotonic()
        told = gateway.ask(body_of(), timeout=0.5)
        assert time.monotonic() - began < 2
        assert (told.status, told.error) == (status, error)
        assert told.message
        assert told.body == {"error": {"message": told.message}}
        assert gateway.ended() is None
        assert len(endpoint.calls) == 1


def test_parameters_that_are_refused_are_told() -> None:
    refusal = hostile.refusal(400, "Unsupported parameter: 'stop' is not supported with this model.", param="stop")
    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
        endpoint.answers.append(refusal)
        assert gateway.ask(body_of(stop=["x"])).status == 200
        assert gateway.learnt == {"stop"}


@pytest.mark.parametrize("protocol", ["openai-chat", "anthropic-messages"])
def test_the_list_of_models(protocol: Protocol) -> None:
    with hostile.serving(hostile.said(200, MODELS)) as endpoint:
        with Gateway(spec_of(endpoint, protocol), journal=None, limits=HASTY) as gateway:
            answer = gateway.ask({}, "models")
        assert (answer.status, answer.body) == (200, MODELS)
        assert endpoint.calls[0].line == "GET /v1/models HTTP/1.1"
        assert KEY in str(endpoint.calls[0].headers)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (hostile.refusal(404, "nothing here"), 404, ""),
        (hostile.huge(2**30, {"Content-Length": str(2**30)}), 0, "too_large"),
        (hostile.hang(5), 0, "timeout"),
        (hostile.said(200, b"<html>"), 0, "bad_json"),
    ],
)
def test_a_list_of_models_that_is_none(answer: hostile.Answer, status: int, error: str) -> None:
    with hostile.serving(answer) as endpoint, Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
        told = gateway.ask({}, "models", timeout=0.5)
        assert (told.status, told.error) == (status, error)


def test_what_cannot_be_asked() -> None:
    with hostile.serving() as endpoint:
        with Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
            assert gateway.ask({"prompt": "a", "echo": True}, "completions").error == "refused"
            assert gateway.ask({"nonsense": 1}).error == "refused"
        with Gateway(spec_of(endpoint, budget_tokens=10), journal=None, limits=HASTY) as gateway:
            assert gateway.ask(body_of()).error == "budget"
    assert endpoint.calls == []
