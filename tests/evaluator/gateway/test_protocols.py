"""Each protocol's requests and answers, on bodies as the providers document them."""

from typing import Any

import pytest

from evaluator.contract import EndpointSpec, Price, Protocol, Sampling
from evaluator.gateway import asking
from evaluator.gateway.asking import Asked, Choice, Reply, Usage
from evaluator.gateway.meter import Cost
from evaluator.gateway.outcomes import Refusal, Unreadable
from evaluator.gateway.protocols import DIALECTS, Listener, dialect

NOTHING: frozenset[str] = frozenset()


def spec(protocol: Protocol, base_url: str = "https://api.example.org/v1", **about: Any) -> EndpointSpec:
    return EndpointSpec(base_url=base_url, protocol=protocol, model="m-1", api_key="sk-123456789", **about)


CHAT = Asked(
    chat=True, messages=(("system", "Be brief."), ("user", "2+2?"), ("assistant", "4"), ("user", "3+3?")),
    max_tokens=32, stop=("\n\n", "Q:"), seed=7, number=2,
)  # fmt: skip


def made(protocol: Protocol, asked: Asked = CHAT, refused: frozenset[str] = NOTHING, **about: Any) -> dict[str, Any]:
    return DIALECTS[protocol].make(spec(protocol, **about), asked, refused)


def test_a_chat_in_openais_words() -> None:
    assert made("openai-chat") == {
        "model": "m-1",
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"},
            {"role": "assistant", "content": "4"}, {"role": "user", "content": "3+3?"},
        ],
        "max_tokens": 32, "temperature": 0.0, "seed": 9, "stop": ["\n\n", "Q:"],
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_a_reasoning_models_chat() -> None:
    sampling = Sampling(temperature=None, stop=False, reasoning_effort="high", max_tokens=20_000)
    body = made("openai-chat", refused=frozenset({"max_tokens", "seed", "stream_options"}), sampling=sampling)
    assert set(body) == {"model", "messages", "max_completion_tokens", "reasoning_effort", "stream"}
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (20_000, "high")


@pytest.mark.parametrize(
    ("base_url", "sent"),
    [
        ("https://generativelanguage.googleapis.com/v1beta/openai",
         {"extra_body": {"google": {"thinking_config": {"thinking_budget": 500}}}}),
        ("https://openrouter.ai/api/v1", {"reasoning": {"max_tokens": 500}}),
        ("https://vllm.example.org/v1", {"thinking_token_budget": 500}),
    ],
)  # fmt: skip
def test_thinking_has_a_name_at_each_provider(base_url: str, sent: dict[str, Any]) -> None:
    body = made("openai-chat", base_url=base_url, sampling=Sampling(thinking_tokens=500))
    assert {name: body[name] for name in sent} == sent
    assert body["max_tokens"] == 532


def test_a_chat_in_anthropics_words() -> None:
    asked = Asked(**{**vars(CHAT), "stop": ("\n\n", "Q:", " ")})
    assert made("anthropic-messages", asked) == {
        "model": "m-1", "max_tokens": 32, "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"},
            {"role": "user", "content": "3+3?"},
        ],
        "temperature": 0.0, "stop_sequences": ["Q:"], "stream": True,
    }  # fmt: skip


def test_anthropics_thinking() -> None:
    body = made("anthropic-messages", sampling=Sampling(temperature=None, thinking_tokens=2000, stop=False))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert body["max_tokens"] == 2032
    assert not {"temperature", "stop_sequences"} & set(body)
    assert made("anthropic-messages", sampling=Sampling(reasoning_effort="low"))["output_config"] == {"effort": "low"}
    assert made("anthropic-messages", sampling=Sampling(reasoning_effort="none"))["thinking"] == {"type": "disabled"}


def test_a_chat_as_responses() -> None:
    body = made("openai-responses", sampling=Sampling(reasoning_effort="minimal", top_p=0.5, temperature=None))
    assert body == {
        "model": "m-1", "store": False, "stream": True, "max_output_tokens": 32, "top_p": 0.5,
        "reasoning": {"effort": "minimal"},
        "input": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"},
            {"role": "assistant", "content": "4"}, {"role": "user", "content": "3+3?"},
        ],
    }  # fmt: skip
    assert made("openai-responses", Asked(chat=True, messages=CHAT.messages, max_tokens=4))["max_output_tokens"] == 16


def test_a_completion() -> None:
    asked = Asked(chat=False, prompts=("Once",), max_tokens=8, stop=(".",))
    assert made("openai-completions", asked, refused=frozenset({"stream"})) == {
        "model": "m-1", "prompt": "Once", "max_tokens": 8, "temperature": 0.0, "stop": ["."],
    }  # fmt: skip
    chat = Asked(chat=True, messages=(("user", "A"), ("assistant", "B")), max_tokens=8)
    assert made("openai-completions", chat)["prompt"] == "A\n\nB"


def test_log_probabilities_of_a_prompt() -> None:
    """As lm-eval asks: tokens, echo, one more token. The submission's bound of tokens is not for this."""
    body = {"prompt": [[1, 2, 3], [4, 5]], "max_tokens": 1, "logprobs": 1, "echo": True, "temperature": 0, "seed": 1}
    asked = asking.read(body, chat=False)
    sent = made("openai-completions", asked, sampling=Sampling(max_tokens=900))
    assert (sent["prompt"], sent["echo"], sent["logprobs"], sent["max_tokens"]) == ([[1, 2, 3], [4, 5]], True, 1, 1)
    assert "stream" not in sent
    told = {"token_logprobs": [None, -1.5, -0.25], "top_logprobs": [None, {"a": -1.5}, {"b": -0.25}]}
    said = {
        "model": "m-1", "usage": {"prompt_tokens": 5, "completion_tokens": 2},
        "choices": [
            {"index": 1, "text": "second", "finish_reason": "length", "logprobs": None},
            {"index": 0, "text": "first", "finish_reason": "length", "logprobs": told},
        ],
    }  # fmt: skip
    reply = DIALECTS["openai-completions"].read(said)
    written = asking.written(reply, chat=False, model="m-1")
    assert [one["text"] for one in written["choices"]] == ["first", "second"]
    assert written["choices"][0]["logprobs"] == told


@pytest.mark.parametrize("protocol", ["openai-chat", "openai-responses", "anthropic-messages"])
def test_a_completion_of_an_endpoint_that_chats_is_one_message(protocol: Protocol) -> None:
    body = made(protocol, Asked(chat=False, prompts=("Say A.",)))
    assert body.get("messages", body.get("input")) == [{"role": "user", "content": "Say A."}]
    for asked in (Asked(chat=False, prompts=("A", "B")), Asked(chat=False, prompts=("A",), likely={"echo": True})):
        with pytest.raises(Refusal, match="chats"):
            made(protocol, asked)


WHOLE: list[tuple[Protocol, dict[str, Any], Reply]] = [
    (
        "openai-chat",
        {
            "id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": "gpt-5-mini-2025-08-07",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "6", "refusal": None,
                                                 "annotations": []}, "finish_reason": "stop", "logprobs": None}],
            "usage": {"prompt_tokens": 19, "completion_tokens": 74, "total_tokens": 93,
                      "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
                      "completion_tokens_details": {"reasoning_tokens": 64, "accepted_prediction_tokens": 0}},
            "service_tier": "default", "system_fingerprint": "fp_44",
        },
        Reply((Choice("6"),), Usage(19, 74, 8, 64), "gpt-5-mini-2025-08-07", "fp_44"),
    ),
    (
        "openai-chat",  # Gemini: thoughts are in the total only
        {"choices": [{"message": {"role": "assistant", "content": "6"}, "finish_reason": "stop"}], "model": "gemini",
         "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 61}},
        Reply((Choice("6"),), Usage(10, 51, 0, 50), "gemini"),
    ),
    (
        "openai-chat",  # Mistral: thoughts are parts of the content
        {"choices": [{"message": {"role": "assistant", "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "6"}]},
            "finish_reason": "length"}]},
        Reply((Choice("6", "length"),)),
    ),
    (
        "openai-chat",
        {"choices": [{"message": {"role": "assistant", "content": None, "refusal": "I can't."}}], "usage": None},
        Reply((Choice("I can't."),)),
    ),
    (
        "openai-chat",  # everything went into thoughts
        {"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": "length"}]},
        Reply((Choice("", "length"),)),
    ),
    (
        "openai-responses",
        {
            "id": "resp_6", "object": "response", "status": "completed", "model": "gpt-5", "error": None,
            "incomplete_details": None,
            "output": [
                {"id": "rs_1", "type": "reasoning", "summary": []},
                {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                 "content": [{"type": "output_text", "text": "6", "annotations": []}]},
            ],
            "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 87,
                      "output_tokens_details": {"reasoning_tokens": 80}, "total_tokens": 123},
        },
        Reply((Choice("6"),), Usage(36, 87, 4, 80), "gpt-5"),
    ),
    (
        "openai-responses",
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [], "model": "o"},
        Reply((Choice("", "length"),), None, "o"),
    ),
    (
        "anthropic-messages",
        {
            "id": "msg_0", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
            "content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "6"}],
            "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 30, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000,
                      "output_tokens": 12, "service_tier": "standard"},
        },
        Reply((Choice("6"),), Usage(1130, 12, 1000), "claude-sonnet-4-5-20250929"),
    ),
    (
        "anthropic-messages",
        {"type": "message", "content": [{"type": "text", "text": "cut"}], "stop_reason": "max_tokens", "model": "c"},
        Reply((Choice("cut", "length"),), None, "c"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "said", "reply"), WHOLE)
def test_answers_in_one_piece(protocol: Protocol, said: dict[str, Any], reply: Reply) -> None:
    assert DIALECTS[protocol].read(said) == reply


STREAMS: list[tuple[Protocol, list[dict[str, Any]], Reply]] = [
    (
        "openai-chat",
        [
            {"choices": [], "prompt_filter_results": []},
            {"model": "m", "system_fingerprint": "f", "choices": [{"index": 0, "delta": {"role": "assistant",
                                                                                        "content": ""}}]},
            {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {"content": "3"}}], "usage": None},
            {"choices": [{"index": 0, "delta": {"content": "+3"}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}},
        ],
        Reply((Choice("3+3"),), Usage(9, 3), "m", "f"),
    ),
    (
        "openai-completions",
        [{"choices": [{"index": 0, "text": "a"}]}, {"choices": [{"index": 0, "text": "b", "finish_reason": "length"}]}],
        Reply((Choice("ab", "length"),)),
    ),
    (
        "openai-responses",
        [
            {"type": "response.created", "response": {"status": "in_progress", "output": []}},
            {"type": "response.output_text.delta", "delta": "6"},
            {"type": "response.completed", "response": WHOLE[5][1]},
        ],
        WHOLE[5][2],
    ),
    (
        "anthropic-messages",
        [
            {"type": "message_start", "message": {"model": "c", "usage": {"input_tokens": 25, "output_tokens": 1,
                                                                         "cache_read_input_tokens": 5}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "6"}},
            {"type": "content_block_stop", "index": 1},
            {"type": "message_delta", "delta": {"stop_reason": "stop_sequence"}, "usage": {"output_tokens": 15}},
            {"type": "message_stop"},
        ],
        Reply((Choice("6"),), Usage(30, 15, 5), "c"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "said", "reply"), STREAMS)
def test_answers_in_a_stream(protocol: Protocol, said: list[dict[str, Any]], reply: Reply) -> None:
    listener = DIALECTS[protocol].listen()
    for event in said:
        listener.hear(event)
    assert listener.begun
    assert listener.ended() == reply


@pytest.mark.parametrize(("protocol", "said", "reply"), STREAMS)
def test_a_stream_that_is_cut_is_no_answer(protocol: Protocol, said: list[dict[str, Any]], reply: Reply) -> None:
    for length in range(len(said)):
        listener = DIALECTS[protocol].listen()
        for event in said[:length]:
            listener.hear(event)
        early = ended(listener)  # of one that had told all of the text and why it ended, only the usage is missing
        assert early in ("cut", reply.choices)


def ended(listener: Listener) -> Any:
    """The choices, or the kind of what is wrong."""
    try:
        return listener.ended().choices
    except Unreadable as error:
        return error.kind


BROKEN: list[tuple[Protocol, dict[str, Any]]] = [
    ("openai-chat", {"error": {"message": "Overloaded", "code": 503}}),
    ("anthropic-messages", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ("openai-responses", {"type": "error", "message": "Overloaded"}),
    ("openai-responses", {"type": "response.failed", "response": {"error": {"message": "Overloaded"}}}),
]


@pytest.mark.parametrize(("protocol", "event"), BROKEN)
def test_an_endpoint_may_fail_in_the_middle_of_a_stream(protocol: Protocol, event: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="Overloaded") as told:
        DIALECTS[protocol].listen().hear(event)
    assert told.value.kind == "stream_error"


@pytest.mark.parametrize("protocol", DIALECTS)
@pytest.mark.parametrize(
    "said",
    [
        {}, {"choices": 5, "content": 5, "output": 5}, {"choices": [5], "content": [], "output": None},
        {"choices": [{"message": 5, "text": 5}]}, {"choices": [{"message": {"content": 5}}]},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_unreadable_or_empty(protocol: Protocol, said: dict[str, Any]) -> None:
    if protocol == "anthropic-messages" and said.get("content") == []:
        assert DIALECTS[protocol].read(said) == Reply((Choice(""),))
        return
    with pytest.raises(Unreadable) as told:
        DIALECTS[protocol].read(said)
    assert told.value.kind == "bad_json"


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "7", None, 2**80, [1]])
def test_counts_that_are_none_are_not_believed(wrong: Any) -> None:
    assert (
        dialect.openai_usage({"prompt_tokens": wrong, "completion_tokens": 1}, given="prompt", made="completion")
        is None
    )
    usage = {"prompt_tokens": 4, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": wrong}}
    assert dialect.openai_usage(usage, given="prompt", made="completion") == Usage(4, 2, 0, 0)


def test_headers() -> None:
    openai = dialect.headers(spec("openai-chat", headers={"OpenAI-Organization": "o"}))
    assert openai == {"authorization": "Bearer sk-123456789", "openai-organization": "o"}
    theirs = {"base_url": "https://api.anthropic.com/v1", "headers": {"anthropic-version": "2099-01-01"}}
    anthropic = dialect.headers(spec("anthropic-messages", **theirs))
    assert anthropic == {"x-api-key": "sk-123456789", "anthropic-version": "2099-01-01"}
    other = dialect.headers(spec("anthropic-messages"))
    assert (other["x-api-key"], other["authorization"]) == ("sk-123456789", "Bearer sk-123456789")
    assert dialect.headers(EndpointSpec(base_url="u", protocol="openai-chat", model="m")) == {}


def test_prices() -> None:
    usage = Usage(1000, 500, 400, 100)
    assert Cost.of(usage, Price(input=2, output=10)).dollars == pytest.approx(0.007)
    assert Cost.of(usage, Price(input=2, output=10, cached=0.5)).dollars == pytest.approx(0.0064)
    assert Cost.of(usage, None).dollars == 0
