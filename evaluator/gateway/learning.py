"""What an endpoint refuses of our requests, learnt from its own words, once.

Only parameters that change no answer are left out or renamed so: the bound of tokens under its newer name, streaming,
the seed, stop sequences (applied to what comes back). Sampling is the submission's: where that is refused, the run ends
and says so.
"""

import json
import re
from collections.abc import Mapping, Set
from typing import Any

from evaluator.contract import Sampling
from evaluator.gateway.outcomes import Ended
from evaluator.gateway.protocols.dialect import part

REFUSES = re.compile(
    r"unsupported|not supported|n.t support|unknown|unrecognized|unexpected|not permitted|extra inputs|not allowed"
    r"|not available|deprecated|not accept|only the default",
    re.IGNORECASE,
)
LEARNT = {
    "stream_options": "stream_options",
    "stream": "stream",
    "seed": "seed",
    "stop": "stop",
    "stop_sequences": "stop",
    "max_tokens": "max_tokens",
}
"""Parameter to what is remembered of it, the first one that is named wins."""
SAMPLING = (
    "temperature",
    "top_p",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "thinking_token_budget",
    "output_config",
)


def named(said: str, sent: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters that we sent and that an error's words refuse: by its own field for that, else by name."""
    try:
        body = json.loads(said)
    except (ValueError, RecursionError):
        body = None
    words = part(body, "error", "message") or part(body, "message")
    text = words if isinstance(words, str) else said
    code = part(body, "error", "code")
    if not REFUSES.search(text) and not (isinstance(code, str) and code.startswith("unsupported")):
        return ()
    parameter = part(body, "error", "param")
    if isinstance(parameter, str) and parameter.split(".")[0] in sent:
        return (parameter.split(".")[0],)
    return tuple(name for name in sent if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))


def learnt(said: str, sent: Mapping[str, Any], refused: Set[str]) -> str | None:
    """What to remember from a refusal, None where it teaches nothing new."""
    found = named(said, sent)
    for name, word in LEARNT.items():
        if name in found and word not in refused and (word != "max_tokens" or "max_completion_tokens" in said):
            return word
    return None


def sampling_refused(said: str, sent: Mapping[str, Any], sampling: Sampling) -> Ended | None:
    """The end of a run whose sampling the model does not take."""
    name = next((one for one in SAMPLING if one in named(said, sent)), None)
    if name is None:
        return None
    value = {"temperature": sampling.temperature, "top_p": sampling.top_p}.get(name, sent[name])
    return Ended(
        "model", "sampling_refused",
        f"The model refuses {name} {value}: {said[:300]} Submit what it accepts, or leave it to the model.",
    )  # fmt: skip
