"""What is learnt from refusals, as providers word them."""

import json
from typing import Any

import pytest

from evaluator.contract import Sampling
from evaluator.gateway.learning import learnt, sampling_refused

SENT = {
    "model": "m", "messages": [], "max_tokens": 5, "temperature": 0.0, "stop": ["\n"], "seed": 1, "stream": True,
    "stream_options": {"include_usage": True},
}  # fmt: skip


def error(message: str, **about: Any) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **about}})


REASONING = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
TAUGHT = {
    error(REASONING, param="max_tokens", code="unsupported_parameter"): "max_tokens",
    error("Unsupported parameter: 'stop' is not supported with this model.", param="stop"): "stop",
    error("Unrecognized request argument supplied: stream_options"): "stream_options",
    error('Unknown name "seed": Cannot find field.', code=400): "seed",
    json.dumps(
        {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}
    ): "stream_options",
    json.dumps({"message": "stream is not supported by this model"}): "stream",
    "seed: unknown field": "seed",
}
TEACHES_NOTHING = [
    error("'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 2048."),
    error("This model's maximum context length is 2048 tokens, you requested 2100. Please reduce max_tokens."),
    error("System role not supported"),
    error("max_tokens is not supported"),
    error("Your content was flagged; this is not allowed by our policy"),
    "",
    "[" * 5_000,
    "<html>400</html>",
]


@pytest.mark.parametrize("said", TAUGHT)
def test_a_refusal_that_names_a_parameter_teaches(said: str) -> None:
    assert learnt(said, SENT, frozenset()) == TAUGHT[said]
    assert learnt(said, SENT, frozenset({TAUGHT[said]})) is None


@pytest.mark.parametrize("said", TEACHES_NOTHING)
def test_other_refusals_teach_nothing(said: str) -> None:
    assert learnt(said, SENT, frozenset()) is None
    assert sampling_refused(said, SENT, Sampling()) is None


@pytest.mark.parametrize(
    "said",
    [
        error("Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) value is "
              "supported.", param="temperature", code="unsupported_value"),
        error("`temperature` is deprecated for this model."),
        error("temperature is not supported with reasoning models"),
    ],
)  # fmt: skip
def test_sampling_is_never_changed_behind_the_submissions_back(said: str) -> None:
    assert learnt(said, SENT, frozenset()) is None
    ended = sampling_refused(said, SENT, Sampling())
    assert ended is not None
    assert (ended.kind, ended.code) == ("model", "sampling_refused")
    assert "temperature 0.0" in ended.message


def test_what_was_not_sent_is_not_learnt() -> None:
    said = error("Unsupported parameter: 'stop' is not supported with this model.", param="stop")
    assert learnt(said, {"model": "m"}, frozenset()) is None
