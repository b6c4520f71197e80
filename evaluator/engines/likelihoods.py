"""Log-likelihoods of given answers from an echoed prompt, as lm-eval reads them from an engine. Pure.

A prompt is context and continuation in one text. Which of its tokens belong to the continuation: those behind as many
as the context has, as lm-eval splits it; found by the tokens' own texts where these are the prompt, which they are not
where a character is cut into several tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class NotEchoed(ValueError):
    """An answer does not hold its prompt's log-probabilities."""


def split(context: str, continuation: str) -> tuple[str, str]:
    """Spaces at the context's end belong to the continuation, as `_encode_pair` of lm-eval 0.4.13 has it."""
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation


def behind(answer: Mapping[str, Any], context: str, prompt: str) -> int | None:
    """How many tokens of an echoed prompt lie before its continuation, by their texts; None where these do not tell."""
    tokens, given = tokens_of(answer), given_tokens(answer)
    said = "".join(tokens[:given])
    if not said.endswith(prompt):
        return None
    end, place = len(said) - len(prompt) + len(context), 0
    for number, token in enumerate(tokens[:given]):
        place += len(token)
        if place > end:
            return number
    return None


def score(answer: Mapping[str, Any], first: int) -> tuple[float, bool]:
    """Sum of the log-probabilities of the prompt's tokens from number `first` (from 0) on, and whether each of them is
    the likeliest; raises NotEchoed."""
    likely, given = answer["choices"][0]["logprobs"], given_tokens(answer)
    numbers = likely.get("token_logprobs")
    if not isinstance(numbers, list) or not 0 < first < given <= len(numbers):
        raise NotEchoed(f"no log-probability for token {first + 1} of {given}")
    chosen = numbers[first:given]
    if not all(isinstance(number, int | float) for number in chosen):
        raise NotEchoed("some tokens have no log-probability")
    return float(sum(chosen)), greedy(chosen, (likely.get("top_logprobs") or [])[first:given])


def greedy(chosen: Sequence[float], tops: Sequence[Any]) -> bool:
    """Whether no token is likelier than the one that stands there; False where the likeliest are not told."""
    told = [top for top in tops if isinstance(top, Mapping) and top]
    return len(told) == len(chosen) and all(
        number >= max(top.values()) for number, top in zip(chosen, told, strict=True)
    )


def given_tokens(answer: Mapping[str, Any]) -> int:
    """How many tokens the prompt has, by the answer's own count; raises NotEchoed."""
    given = (answer.get("usage") or {}).get("prompt_tokens")
    if not isinstance(given, int):
        raise NotEchoed("the prompt's tokens are not counted")
    return given


def tokens_of(answer: Mapping[str, Any]) -> list[str]:
    """The texts of all tokens; raises NotEchoed."""
    likely = answer["choices"][0].get("logprobs")
    tokens = likely.get("tokens") if isinstance(likely, Mapping) else None
    if not isinstance(tokens, list):
        raise NotEchoed("no log-probabilities came back")
    return [str(token) for token in tokens]
