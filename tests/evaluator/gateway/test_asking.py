"""What the loopback side takes, and what it refuses in words."""

from typing import Any

import pytest

from evaluator.gateway.asking import Asked, Choice, Reply, read
from evaluator.gateway.outcomes import Refusal
from tests.evaluator.gateway.asked import body_of


def test_lm_evals_own_body_is_understood() -> None:
    """As `local-chat-completions` makes it."""
    body = body_of(stop=["Question:", "</s>"], max_tokens=256)
    assert read(body, chat=True) == Asked(
        chat=True, messages=(("user", "Hi"),), max_tokens=256, stop=("Question:", "</s>"), seed=1234
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content of text"),
        ({"messages": [{"role": "user"}]}, "content of text"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"seed": 1.5}, "seed"),
        ({"stop": [1]}, "stop"),
        ({"stop": {"a": 1}}, "stop"),
        ({"stream": True}, "stream"),
        ({"n": 2}, "another pass"),
        ({"logprobs": True}, "log-probabilities"),
        ({"parity_pass": -1}, "parity_pass"),
        ({"response_format": {}, "tools": []}, "response_format, tools"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words) as told:
        read(body_of(**change), chat=True)
    assert told.value.status == 400


@pytest.mark.parametrize("prompt", [None, [], 5, [[]], ["a", 5], [["a"]], {"a": 1}])
def test_prompts_that_are_none(prompt: Any) -> None:
    with pytest.raises(Refusal, match="prompt"):
        read({"prompt": prompt}, chat=False)


@pytest.mark.parametrize("prompt", ["a", [1, 2], ["a", "b"], [[1], [2, 3]]])
def test_prompts(prompt: Any) -> None:
    asked = read({"prompt": prompt, "max_tokens": 3}, chat=False)
    assert asked.most_output == 3 * (2 if isinstance(prompt[0], str | list) and prompt != "a" else 1)


def test_parts_of_text_are_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read({"messages": [{"role": "user", "content": parts}]}, chat=True).messages == (("user", "ab"),)


def test_the_most_tokens_of_a_request_are_never_too_few() -> None:
    """A byte each: no tokenizer makes more; lone surrogates are three."""
    asked = read({"messages": [{"role": "user", "content": "é\ud800😀"}]}, chat=True)
    assert asked.most_input >= 2 + 3 + 4


@pytest.mark.parametrize(
    ("stop", "text", "finish"),
    [((), "a b c", "length"), (("b",), "a ", "stop"), (("c", " b"), "a", "stop"), (("x",), "a b c", "length")],
)
def test_stop_sequences_are_applied_to_what_comes_back(stop: tuple[str, ...], text: str, finish: str) -> None:
    cut = Reply((Choice("a b c", "length"),)).cut_at(stop)
    assert (cut.choices[0].text, cut.choices[0].finish) == (text, finish)
