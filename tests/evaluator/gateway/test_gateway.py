"""The gateway as a run sees it: who may ask, what it gets, what is counted."""

from pathlib import Path

import httpx
import pytest

from evaluator.gateway import Gateway
from tests import hostile_endpoint
from tests.evaluator.gateway.asked import HASTY, KEY, body_of, post, spec_of, text_of


def test_a_chat_is_answered_and_counted(tmp_path: Path) -> None:
    with hostile_endpoint.serving() as endpoint, Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
        reply = post(gateway)
        assert text_of(reply) == "Hello."
        assert reply.json()["usage"]["total_tokens"] == 15
        spent = gateway.spent()
        assert (spent.requests, spent.input_tokens, spent.output_tokens, spent.errors) == (1, 10, 5, {})
        assert spent.dollars == pytest.approx(60e-6)
        assert sum(spent.latency) == 1
        assert spent.p50_first_token_seconds is not None
        assert gateway.ended() is None
    call = endpoint.calls[0]
    assert call.line == "POST /v1/chat/completions HTTP/1.1"
    assert call.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", f"Bearer {KEY}", "Basic x", "Bearer \xe9"])
def test_who_does_not_know_the_token_gets_nothing(tmp_path: Path, token: str) -> None:
    with hostile_endpoint.serving() as endpoint, Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
        for path in ("/chat/completions", "/completions"):
            headers = {"Authorization": token.encode()} if token else {}
            assert httpx.post(f"{gateway.url}{path}", json=body_of(), headers=headers).status_code == 401
    assert endpoint.calls == []


def test_an_answer_is_never_paid_twice(tmp_path: Path) -> None:
    with hostile_endpoint.serving() as endpoint:
        for attempt in range(2):
            with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
                assert text_of(post(gateway)) == "Hello."
                assert gateway.spent().requests == 1
                assert gateway.spent().replayed == attempt
    assert len(endpoint.calls) == 1
