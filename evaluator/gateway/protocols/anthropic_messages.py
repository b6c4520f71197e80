"""Anthropic's messages: the system's word apart, and never without a bound of tokens."""

from collections.abc import Mapping, Set
from typing import Any

from evaluator.contract import EndpointSpec
from evaluator.gateway.asking import Asked, Reply, Usage
from evaluator.gateway.outcomes import Unreadable
from evaluator.gateway.protocols import dialect, openai_chat
from evaluator.gateway.protocols.dialect import Dialect, count, part

FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "refusal": "content_filter"}
SYSTEM = ("system", "developer")


def make(spec: EndpointSpec, asked: Asked, refused: Set[str]) -> dict[str, Any]:
    messages = asked.messages or (("user", openai_chat.prompt_of(asked)),)
    sampling = spec.sampling
    stops = [one for one in openai_chat.stops(spec, asked, refused) if one.strip()]  # the API refuses white space
    return {
        "model": spec.model,
        "max_tokens": dialect.most_tokens(spec, asked),
        "messages": [{"role": role, "content": text} for role, text in messages if role not in SYSTEM],
        **dialect.given(
            system="\n\n".join(text for role, text in messages if role in SYSTEM) or None,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_sequences=stops or None,
        ),
        **thinking(spec),
        **({} if "stream" in refused else {"stream": True}),
    }


def thinking(spec: EndpointSpec) -> dict[str, Any]:
    effort, tokens = spec.sampling.reasoning_effort, spec.sampling.thinking_tokens
    found: dict[str, Any] = {}
    if tokens:
        found["thinking"] = {"type": "enabled", "budget_tokens": tokens}
    elif tokens == 0 or effort == "none":
        found["thinking"] = {"type": "disabled"}
    if effort not in (None, "none"):
        found["output_config"] = {"effort": effort}
    return found


def read(said: Mapping[str, Any]) -> Reply:
    dialect.failure(said)
    content = said.get("content")
    if not isinstance(content, list):
        raise Unreadable("bad_json", "The answer has no content.")
    return dialect.one_choice(
        dialect.content_of(said), finish(said.get("stop_reason")), usage=usage(said.get("usage")),
        model=dialect.plain(said.get("model")),
    )  # fmt: skip


def finish(reason: Any) -> str:
    return FINISH.get(reason, dialect.plain(reason) or "stop") if isinstance(reason, str) else "stop"


def usage(said: Any) -> Usage | None:
    """What was read from a cache, and written to one, stands beside the input and is part of it."""
    tokens, output = count(part(said, "input_tokens")), count(part(said, "output_tokens"))
    if tokens is None or output is None:
        return None
    cached = count(part(said, "cache_read_input_tokens")) or 0
    written = count(part(said, "cache_creation_input_tokens")) or 0
    return Usage(tokens + cached + written, output, cached)


class Stream:
    """The message begins, blocks of content grow, and its end tells why and what it used."""

    def __init__(self) -> None:
        self.begun = self.over = False
        self._texts = list[str]()
        self._model, self._finish = "", ""
        self._usage: dict[str, Any] = {}

    def hear(self, said: dict[str, Any]) -> None:
        match said.get("type"):
            case "message_start":
                self._model = dialect.plain(part(said, "message", "model"))
                self.count(part(said, "message", "usage"))
            case "content_block_start":
                self.grow(part(said, "content_block"))
            case "content_block_delta":
                self.grow(part(said, "delta"))
            case "message_delta":
                self._finish = finish(part(said, "delta", "stop_reason"))
                self.count(said.get("usage"))
            case "message_stop":
                self.over = True
            case "error":
                dialect.failure(said if said.get("error") else {"error": "error"})

    def grow(self, said: Any) -> None:
        text = part(said, "text")
        self.begun = self.begun or bool(text) or bool(part(said, "thinking"))
        if isinstance(text, str):
            self._texts.append(text)

    def count(self, said: Any) -> None:
        """Counts are totals so far: later ones hold."""
        if isinstance(said, Mapping):
            self._usage |= {name: value for name, value in said.items() if count(value) is not None}

    def ended(self) -> Reply:
        if not self.over and not self._finish:
            raise Unreadable("cut", "The answer's stream ends before its end.")
        return dialect.one_choice(
            "".join(self._texts), self._finish or "stop", usage=usage(self._usage), model=self._model
        )


DIALECT = Dialect(path="/messages", make=make, read=read, listen=Stream)
