"""The gateway before a real server: vLLM's own, with real weights, in every protocol that it speaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.contract import EndpointSpec, Protocol, Sampling
from evaluator.gateway import Gateway
from tests import model_server
from tests.evaluator.gateway.asked import body_of, post, text_of
from tests.model_server import ModelServer

pytestmark = pytest.mark.engine

QUESTION = "What is the capital of France? Answer in one short sentence."


@pytest.fixture(scope="module")
def server(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    weights = next((demo_mirror / "models").glob("*/*"))
    with model_server.serving(weights, tmp_path_factory.mktemp("server")) as server:
        yield server


def spec(server: ModelServer, protocol: Protocol, **sampling: object) -> EndpointSpec:
    return EndpointSpec(
        base_url=server.url, protocol=protocol, model=model_server.NAME, api_key=model_server.KEY,
        allowed=("127.0.0.1",), budget_tokens=100_000, sampling=Sampling(**sampling),
    )  # type: ignore[arg-type]  # fmt: skip


def test_chat_responses_and_messages_say_the_same(server: ModelServer, tmp_path: Path) -> None:
    """One model, greedy, in float32: its text and its tokens do not depend on how it is asked."""
    told = {}
    protocols: tuple[Protocol, ...] = ("openai-chat", "anthropic-messages", "openai-responses")
    for protocol in protocols:
        with Gateway(spec(server, protocol), journal=tmp_path / protocol) as gateway:
            reply = post(gateway, body_of(QUESTION, max_tokens=24))
            spent = gateway.spent()
            told[protocol] = (text_of(reply), spent.input_tokens, spent.output_tokens)
            assert (spent.requests, spent.unknown, spent.errors) == (1, 0, {})
            assert spent.p50_first_token_seconds is not None
    assert len(set(told.values())) == 1, told
    assert "Paris" in told["openai-chat"][0]


@pytest.mark.parametrize("protocol", ["openai-chat", "anthropic-messages", "openai-completions"])
@pytest.mark.parametrize("sent", [True, False])
def test_stop_sequences_cut_alike_whoever_applies_them(server: ModelServer, protocol: Protocol, sent: bool) -> None:
    completes = protocol == "openai-completions"
    body = {"prompt": "One, two, three, four,", "max_tokens": 24} if completes else body_of(QUESTION, max_tokens=24)
    path = "/completions" if completes else "/chat/completions"
    with Gateway(spec(server, protocol, stop=sent), journal=None) as gateway:
        whole = post(gateway, body, path).json()["choices"][0]
        text = whole["text"] if completes else whole["message"]["content"]
        stop = text.split()[2]
        cut = post(gateway, {**body, "stop": [stop]}, path).json()["choices"][0]
    said = cut["text"] if completes else cut["message"]["content"]
    assert said == text[: text.index(stop)]
    assert cut["finish_reason"] == "stop"


def test_a_prompts_own_log_probabilities(server: ModelServer) -> None:
    with Gateway(spec(server, "openai-completions"), journal=None) as gateway:
        body = {"prompt": "The sky is blue", "max_tokens": 1, "logprobs": 1, "echo": True}
        likely = post(gateway, body, "/completions").json()["choices"][0]["logprobs"]
        assert likely["token_logprobs"][0] is None
        assert all(number < 0 for number in likely["token_logprobs"][1:])
        assert "".join(likely["tokens"]).startswith("The sky is blue")


def test_what_is_wrong_is_said(server: ModelServer) -> None:
    for change, code in (
        ({"api_key": "sk-wrong-0123456789"}, "credentials_refused"),
        ({"model": "other"}, "not_found"),
    ):
        found = EndpointSpec(
            **{name: getattr(spec(server, "openai-chat"), name) for name in ("base_url", "protocol", "allowed")},
            **{"model": model_server.NAME, "api_key": model_server.KEY, **change},
        )  # fmt: skip
        with Gateway(found, journal=None) as gateway:
            assert post(gateway).status_code == 403
            ended = gateway.ended()
            assert ended is not None
            assert (ended.kind, ended.code) == ("model", code)
    with Gateway(spec(server, "openai-chat"), journal=None) as gateway:
        reply = post(gateway, body_of("word " * 9_000))
        assert reply.status_code == 400
        assert "context length" in reply.json()["error"]["message"]
        assert text_of(post(gateway, body_of(max_tokens=2)))


def test_its_list_of_models(server: ModelServer) -> None:
    with Gateway(spec(server, "anthropic-messages"), journal=None) as gateway:
        listed = gateway.ask({}, "models").body["data"]
        assert [one["id"] for one in listed] == [model_server.NAME]
        assert listed[0]["max_model_len"] == 8192
