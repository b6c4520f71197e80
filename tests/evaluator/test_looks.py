"""Looking at endpoints: what is found, how fast, and by which name a look fails."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from evaluator import looks
from evaluator.contract import EndpointSpec, Preflight, Protocol, Sampling, encode
from evaluator.gateway import Gateway
from evaluator.looks import NotFit, look
from tests.evaluator import scripted
from tests.stack import free_port

KEY = "sk-canary-0c1d88"
Change = Callable[[scripted.Call], scripted.Reply | None]


def spec_of(url: str, protocol: Protocol = "openai-chat", **about: Any) -> EndpointSpec:
    given: dict[str, Any] = {"allowed": ("127.0.0.1",), "api_key": KEY, "model": scripted.MODEL}
    return EndpointSpec(base_url=url, protocol=protocol, **(given | about))


def looked(spec: EndpointSpec, patience: float = looks.SECONDS) -> Preflight:
    with Gateway(spec, journal=None) as gateway:
        return look(gateway, spec, attempt=1, patience=patience)


def entry(**more: Any) -> dict[str, Any]:
    return {"id": scripted.MODEL, "owned_by": "toys", "created": time.time_ns(), **more}


def well(call: scripted.Call) -> scripted.Reply:
    """A server that does all of it right."""
    if call.path == "models":
        return scripted.Reply({"object": "list", "data": [{"id": "other"}, entry(max_model_len=8192)]})
    reply = scripted.said(call, "Ready.")
    if call.path == "completions" and call.body.get("echo"):
        prompt = str(call.body["prompt"])
        tokens = [prompt[at : at + 4] for at in range(0, len(prompt), 4)]
        numbers = [None, *[-0.5 - (len(token) + ord(token[0])) % 7 for token in tokens[1:]]]
        likely = {"tokens": [*tokens, " dog"], "token_logprobs": [*numbers, -1.0]}
        reply.body["choices"][0] |= {"text": f"{prompt} dog", "logprobs": likely}
        reply.body["usage"] = {"prompt_tokens": len(tokens), "completion_tokens": 1, "total_tokens": len(tokens) + 1}
    return reply


def but(change: Change) -> scripted.Script:
    return lambda call: change(call) or well(call)


def found(found: Preflight) -> dict[str, bool]:
    return {check.name: check.ok for check in found.checks}


def test_everything_is_looked_at_and_named() -> None:
    with scripted.serving(well) as server:
        preflight = looked(spec_of(server.url))
    assert set(found(preflight).values()) == {True}
    assert list(found(preflight)) == [
        "address", "TLS", "credentials", "model", "completion", "token counts", "system role", "stop sequences",
        "list of models", "context length",
    ]  # fmt: skip
    assert (preflight.context_length, preflight.echo) == (8192, False)
    assert preflight.seconds > 0 and preflight.fingerprint.startswith(f"{scripted.MODEL} ")
    sent = [call.body for call in server.calls if call.path == "chat/completions"]
    assert {one["max_tokens"] for one in sent} == {looks.MOST_TOKENS}


@pytest.mark.parametrize("protocol", ["anthropic-messages", "openai-chat", "openai-completions"])
def test_a_fingerprint_is_of_the_model_and_not_of_the_call(protocol: Protocol) -> None:
    number = iter(range(100))

    def changing(call: scripted.Call) -> scripted.Reply | None:
        reply = well(call)
        if call.path != "models":
            reply.body["system_fingerprint"] = reply.body["id"] = f"call {next(number)}"
        return reply

    with scripted.serving(but(changing)) as server:
        spec = spec_of(server.url, protocol)
        first, second = looked(spec), looked(spec)
    assert first.fingerprint == second.fingerprint

    def newer(call: scripted.Call) -> scripted.Reply | None:
        reply = well(call)
        if call.path != "models":
            reply.body["model"] = "toy-1-2026-11"
        return reply

    with scripted.serving(but(newer)) as server:
        assert looked(spec_of(server.url, protocol)).fingerprint != first.fingerprint


def test_prompt_log_probabilities_are_believed_when_they_are_the_prompts() -> None:
    with scripted.serving(well) as server:
        preflight = looked(spec_of(server.url, "openai-completions"))
    assert preflight.echo and found(preflight)["prompt log-probabilities"]
    assert "system role" not in found(preflight)

    def of_the_answer(call: scripted.Call) -> scripted.Reply | None:
        if not call.body.get("echo"):
            return None
        reply = well(call)
        reply.body["choices"][0]["logprobs"] = {"tokens": [" dog"], "token_logprobs": [-1.0]}
        return reply

    with scripted.serving(but(of_the_answer)) as server:
        preflight = looked(spec_of(server.url, "openai-completions"))
    assert not preflight.echo and not found(preflight)["prompt log-probabilities"]


def test_what_is_refused_is_told() -> None:
    def picky(call: scripted.Call) -> scripted.Reply | None:
        if call.path == "models":
            return scripted.refused(404, "Not here.")
        if call.body["messages"][0]["role"] == "system":
            return scripted.refused(400, "System role not supported by this template.")
        if "stop" in call.body:
            return scripted.refused(400, "Unsupported parameter: 'stop'.", "unsupported_parameter")
        return None

    with scripted.serving(but(picky)) as server:
        preflight = looked(spec_of(server.url))
    told = {check.name: check for check in preflight.checks}
    assert not told["system role"].ok and "template" in told["system role"].detail
    assert not told["stop sequences"].ok and "applied to its answers" in told["stop sequences"].detail
    assert not told["list of models"].ok and not told["context length"].ok
    assert preflight.context_length is None and preflight.fingerprint == scripted.MODEL


def test_a_slow_endpoint_is_looked_at_in_time_all_the_same() -> None:
    def slow(_: scripted.Call) -> None:
        time.sleep(1.2)

    with scripted.serving(but(slow)) as server:
        began = time.monotonic()
        preflight = looked(spec_of(server.url))
    assert time.monotonic() - began < 5, "what follows the first answer is asked at once"
    assert 1.2 <= preflight.seconds < 2.5


REFUSALS = {
    "credentials_refused": scripted.refused(401, "Incorrect API key provided: sk-canary-0c1d88."),
    "access_refused": scripted.refused(403, "Your project may not use it."),
    "model_unknown": scripted.refused(404, "The model `toy-1` does not exist.", "model_not_found"),
    "not_found": scripted.refused(404, "Not Found"),
    "redirected": scripted.Reply({}, 307, {"Location": "http://127.0.0.1:1/"}),
    "strange_answer": scripted.Reply(b"<html>It works!</html>"),
    "endpoint_failing": scripted.refused(500, "Something broke."),
    "request_refused": scripted.refused(400, "The moon is full."),
    "sampling_refused": scripted.refused(
        400, "Unsupported value: 'temperature' does not support 0 with this model.", "unsupported_value"
    ),
    "account_empty": scripted.refused(429, "You exceeded your current quota.", "insufficient_quota"),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_look_fails_by_a_name(code: str) -> None:
    with scripted.serving(lambda _: REFUSALS[code]) as server, pytest.raises(NotFit) as caught:
        looked(spec_of(server.url))
    assert (caught.value.kind, caught.value.code) == ("model", code)
    assert KEY not in caught.value.message and caught.value.message.endswith((".", "!"))


def test_too_many_requests_are_tried_later() -> None:
    busy = scripted.refused(429, "Slow down.")
    with scripted.serving(lambda _: busy) as server, pytest.raises(NotFit) as caught:
        looked(spec_of(server.url))
    assert (caught.value.kind, caught.value.code) == ("platform", "throttled")


def test_an_endpoint_that_is_not_there_or_speaks_no_tls() -> None:
    with pytest.raises(NotFit) as caught:
        looked(spec_of(f"http://127.0.0.1:{free_port()}/v1"))
    assert caught.value.code == "unreachable"
    with scripted.serving(well) as server, pytest.raises(NotFit) as caught:
        looked(spec_of(server.url.replace("http:", "https:")))
    assert caught.value.code == "tls_refused"


def test_an_endpoint_that_does_not_answer() -> None:

    def asleep(call: scripted.Call) -> None:
        time.sleep(1.5 if call.path != "models" else 0)

    with scripted.serving(but(asleep)) as server:
        with pytest.raises(NotFit) as caught:
            looked(spec_of(server.url), patience=1.5)
        assert caught.value.code == "no_answer"
        looked(spec_of(server.url), patience=30)


def test_a_key_that_is_sent_back_is_shown_nowhere() -> None:
    def mirror(call: scripted.Call) -> scripted.Reply:
        reply = well(call)
        reply.body["model"] = KEY
        return (
            reply
            if call.path == "models"
            else scripted.Reply(
                reply.body
                | {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": f"It is {KEY}"}}]}
            )
        )

    with scripted.serving(mirror) as server:
        preflight = looked(spec_of(server.url, sampling=Sampling(stop=False)))
    assert KEY.encode() not in encode(preflight)
    assert "not sent" in next(check.detail for check in preflight.checks if check.name == "stop sequences")
