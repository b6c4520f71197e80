"""Prompt log-probabilities: only real ones are taken for such."""

from typing import Any

import pytest

from evaluator.echo import disagreement, prompt_tokens

PROMPT = "The fox jumps"
TOKENS = ["The", " fox", " jumps", " over"]
NUMBERS = [None, -7.5, -1.25, -0.5]


def body(tokens: Any = TOKENS, numbers: Any = NUMBERS, given: Any = 3, **choice: Any) -> dict[str, Any]:
    likely = {"tokens": tokens, "token_logprobs": numbers}
    return {"choices": [{"text": "", "logprobs": likely} | choice], "usage": {"prompt_tokens": given}}


def test_real_ones() -> None:
    assert prompt_tokens(body(), PROMPT) == [("The", None), (" fox", -7.5), (" jumps", -1.25)]
    begun = body(["<s>", *TOKENS], [None, -9.0, *NUMBERS[1:]], 4)
    assert len(prompt_tokens(begun, PROMPT)) == 4, "a mark of the beginning is a token too"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (body(logprobs=None), "nothing came back"),
        ({"choices": [], "usage": None}, "nothing came back"),
        (body(numbers=NUMBERS[:2]), "not as many"),
        (body(tokens=None), "not as many"),
        (body([" over"], [-0.5]), "it is not echoed"),
        (body(given=None), "it is not echoed"),
        (body(["A", " dog", " sleeps", " over"]), "not the prompt's"),
        (body(numbers=[None, None, -1.25, -0.5]), "no log-probability"),
        (body(numbers=[None, 0.5, -1.25, -0.5]), "no log-probability"),
        (body(numbers=[None, float("nan"), -1.25, -0.5]), "no log-probability"),
        (body(numbers=[None, True, -1.25, -0.5]), "no log-probability"),
        (body(numbers=[None, 0.0, 0.0, -0.5]), "the same log-probability"),
    ],
)
def test_others(said: dict[str, Any], why: str) -> None:
    found = prompt_tokens(said, PROMPT)
    assert isinstance(found, str) and why in found


def test_a_beginning_in_common_has_the_same_tokens_and_numbers() -> None:
    long = [("The", None), (" fox", -7.5), (" jumps", -1.25), (" over", -2.0)]
    assert disagreement(long, [("The", None), (" fox", -7.45), (" jum", -3.0)]) == ""
    assert "in a longer" in disagreement(long, [("Th", None), ("e fox", -7.5), (" jumps", -1.0)])
    assert "log-probability -7.500" in disagreement(long, [("The", None), (" fox", -2.0), (" jumps", -1.25)])
