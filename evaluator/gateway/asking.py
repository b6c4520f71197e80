"""What a caller asks on the loopback side, in OpenAI's words, and what it gets. Knows no endpoint."""

import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator.gateway.outcomes import Refusal

MOST_TOKENS = 4096
"""For one answer where nobody says otherwise: without a bound there is no budget."""
IGNORED = frozenset({"model", "temperature", "top_p", "user", "stream", "n", "do_sample", "parity_pass"})
"""Known fields that do not decide the answer: model and sampling are the submission's."""
READ = frozenset(
    {"messages", "prompt", "max_tokens", "max_completion_tokens", "stop", "seed", "echo", "logprobs", "top_logprobs"}
)
ROLES = ("system", "developer", "user", "assistant")
LIKELY_FIELDS = ("echo", "logprobs", "top_logprobs")


@dataclass(frozen=True)
class Asked:
    """One request. Exactly one of `messages` (role and text) and `prompts` (texts or tokens) is given.

    `likely`: fields about log-probabilities, as given. `number`: the pass, part of what makes two requests equal.
    """

    chat: bool
    messages: tuple[tuple[str, str], ...] = ()
    prompts: tuple[Any, ...] = ()
    max_tokens: int = MOST_TOKENS
    stop: tuple[str, ...] = ()
    seed: int | None = None
    likely: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0

    @property
    def most_input(self) -> int:
        """No tokenizer makes more tokens of it: a byte each, and an envelope for each message."""
        texts = [text for _, text in self.messages] + [one for one in self.prompts if isinstance(one, str)]
        lists = [len(one) for one in self.prompts if isinstance(one, list)]
        return sum(size(text) for text in texts) + sum(lists) + 32 * (1 + len(self.messages))

    @property
    def most_output(self) -> int:
        return self.max_tokens * max(1, len(self.prompts))


def size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer as the endpoint counts them; `output` includes `reasoning`, `input` includes `cached`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Choice:
    text: str
    finish: str = "stop"
    likely: Any = None


@dataclass(frozen=True)
class Reply:
    """One answer. `usage` is None where the endpoint did not tell any."""

    choices: tuple[Choice, ...]
    usage: Usage | None = None
    model: str = ""
    fingerprint: str = ""

    def cut_at(self, stop: tuple[str, ...]) -> "Reply":
        """Each text up to the first stop sequence in it, as if the model had stopped there."""
        return replace(self, choices=tuple(cut(one, stop) for one in self.choices))


def cut(choice: Choice, stop: tuple[str, ...]) -> Choice:
    places = [place for place in (choice.text.find(one) for one in stop) if place >= 0]
    return replace(choice, text=choice.text[: min(places)], finish="stop") if places else choice


def read(body: Mapping[str, Any], *, chat: bool) -> Asked:
    """The request of a loopback body; raises Refusal naming what does not fit."""
    unknown = sorted(set(body) - READ - IGNORED)
    if unknown:
        raise Refusal(400, f"The gateway does not know {', '.join(unknown)[:200]}.")
    if body.get("stream"):
        raise Refusal(400, "The gateway answers in one piece: leave out stream.")
    if body.get("n") not in (None, 1):
        raise Refusal(400, "The gateway gives one answer a request: leave out n, and ask again with another pass.")
    likely = {name: body[name] for name in LIKELY_FIELDS if body.get(name) not in (None, False)}
    if chat and likely:
        raise Refusal(400, f"Chats tell no log-probabilities: leave out {', '.join(likely)}.")
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most is None and body.get("max_tokens") != 0:
        most = MOST_TOKENS
    return Asked(
        chat=chat,
        messages=read_messages(body.get("messages")) if chat else (),
        prompts=() if chat else read_prompts(body.get("prompt")),
        max_tokens=whole(most or 0, "max_tokens", least=1 if chat or not likely else 0),
        stop=read_stop(body.get("stop")),
        seed=None if body.get("seed") is None else whole(body["seed"], "seed"),
        likely=likely,
        number=whole(body.get("parity_pass", 0), "parity_pass"),
    )


def whole(value: Any, name: str, *, least: int = 0) -> int:
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 2**53:
        raise Refusal(400, f"{name} is a whole number from {least} on.")
    return value


def read_messages(given: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list) or not given:
        raise Refusal(400, "messages is a list of role and content.")
    return tuple(read_message(one) for one in given)


def read_message(given: Any) -> tuple[str, str]:
    if not isinstance(given, Mapping) or given.get("role") not in ROLES:
        raise Refusal(400, f"Each message has a role: {', '.join(ROLES)}.")
    content = given.get("content")
    if isinstance(content, list) and all(isinstance(one, Mapping) and one.get("type") == "text" for one in content):
        content = "".join(str(one.get("text", "")) for one in content)
    if not isinstance(content, str):
        raise Refusal(400, "Each message has a content of text; images and the like are not known.")
    return str(given["role"]), content


def read_prompts(given: Any) -> tuple[Any, ...]:
    several = isinstance(given, list) and given and not isinstance(given[0], int)
    prompts = tuple(given) if several else (given,)
    for one in prompts:
        tokens = isinstance(one, list) and one and all(isinstance(token, int) for token in one)
        if not isinstance(one, str) and not tokens:
            raise Refusal(400, "prompt is a text, a list of tokens, or a list of these.")
    return prompts


def read_stop(given: Any) -> tuple[str, ...]:
    several = given if isinstance(given, list) else [] if given is None else [given]
    if not all(isinstance(one, str) for one in several):
        raise Refusal(400, "stop is a text or a list of texts.")
    return tuple(one for one in several if one)


def written(reply: Reply, *, chat: bool, model: str) -> dict[str, Any]:
    """The loopback body of an answer."""
    choices: list[dict[str, Any]] = []
    for index, one in enumerate(reply.choices):
        said: dict[str, Any] = {"message": {"role": "assistant", "content": one.text}} if chat else {"text": one.text}
        choices.append({"index": index, **said, "finish_reason": one.finish, "logprobs": one.likely})
    body: dict[str, Any] = {
        "id": f"parity-{uuid.uuid4().hex}",
        "object": "chat.completion" if chat else "text_completion",
        "created": int(time.time()),
        "model": reply.model or model,
        "choices": choices,
    }
    if reply.fingerprint:
        body["system_fingerprint"] = reply.fingerprint
    if reply.usage is not None:
        body["usage"] = written_usage(reply.usage)
    return body


def written_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
