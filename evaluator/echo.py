"""Whether a completions API tells a prompt's own log-probabilities: `echo` with `logprobs`, as OpenAI's once did. Pure.

Many servers take the fields and answer something else: the answer's log-probabilities alone, none at all, or those of
other tokens. So counts are compared with what was paid for, and two prompts with the same beginning with each other.
"""

import math
from collections.abc import Mapping
from typing import Any

CLOSE = 0.2
"""How far the log-probability of a token may move between two calls; other precisions and batches move it a little."""

Tokens = list[tuple[str, float | None]]
"""Of each token of a prompt its text and log-probability; the first token has none."""


def prompt_tokens(body: Mapping[str, Any], prompt: str) -> Tokens | str:
    """The prompt's tokens in an answer that echoes it, or in words why there are none."""
    choices, usage = body.get("choices") or [{}], body.get("usage") or {}
    likely = choices[0].get("logprobs")
    if not isinstance(likely, Mapping):
        return "asked for, and nothing came back"
    texts, numbers = likely.get("tokens"), likely.get("token_logprobs")
    if not isinstance(texts, list) or not isinstance(numbers, list) or len(texts) != len(numbers):
        return "tokens and their log-probabilities are not as many"
    given = usage.get("prompt_tokens")
    if not isinstance(given, int) or not 1 < given <= len(texts):
        return f"{len(texts)} tokens came back for a prompt of {given}: it is not echoed"
    said = "".join(str(one) for one in texts[:given])
    if prompt not in said and said.lstrip() != prompt:
        return "the tokens that came back are not the prompt's"
    found = list(zip((str(one) for one in texts[:given]), numbers[:given], strict=True))
    if not all(likely_number(number) for _, number in found[1:]):
        return "some tokens of the prompt have no log-probability"
    if len({number for _, number in found[1:]}) < 2:
        return "all tokens of the prompt have the same log-probability"
    return found


def likely_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value <= 0


def disagreement(long: Tokens, short: Tokens) -> str:
    """How two prompts of which one begins with the other contradict each other, or "".

    The last token of the shorter one may be cut differently.
    """
    for place, ((text, number), (other, again)) in enumerate(zip(long, short[:-1], strict=False)):
        if text != other:
            return f"token {place + 1} is {text!r} in a longer and {other!r} in a shorter prompt that begin alike"
        if number is not None and again is not None and abs(number - again) > CLOSE:
            return f"token {place + 1} has log-probability {number:.3f}, and {again:.3f} in a prompt that ends earlier"
    return ""
