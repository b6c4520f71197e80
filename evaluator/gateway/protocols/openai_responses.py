"""OpenAI's responses: the newer form of their chat. It knows no stop sequences."""

from collections.abc import Mapping, Set
from typing import Any

from evaluator.contract import EndpointSpec
from evaluator.gateway.asking import Asked, Reply
from evaluator.gateway.outcomes import Unreadable
from evaluator.gateway.protocols import dialect, openai_chat
from evaluator.gateway.protocols.dialect import Dialect, part

LEAST_TOKENS = 16
"""The API refuses less."""


def make(spec: EndpointSpec, asked: Asked, refused: Set[str]) -> dict[str, Any]:
    messages = asked.messages or (("user", openai_chat.prompt_of(asked)),)
    sampling = spec.sampling
    effort = sampling.reasoning_effort
    return {
        "model": spec.model,
        "input": [{"role": role, "content": text} for role, text in messages],
        "max_output_tokens": max(LEAST_TOKENS, dialect.most_tokens(spec, asked)),
        "store": False,
        **dialect.given(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            reasoning=None if effort is None else {"effort": effort},
        ),
        **({} if "stream" in refused else {"stream": True}),
    }


def read(said: Mapping[str, Any]) -> Reply:
    dialect.failure(said)
    output = said.get("output")
    if not isinstance(output, list):
        raise Unreadable("bad_json", "The answer has no output.")
    texts = [dialect.content_of(one) for one in output if part(one, "type") == "message"]
    why = part(said, "incomplete_details", "reason")
    finish = {None: "stop", "max_output_tokens": "length"}.get(why, "content_filter")
    return dialect.one_choice(
        "".join(texts), finish,
        usage=dialect.openai_usage(said.get("usage"), given="input", made="output"),
        model=dialect.plain(said.get("model")),
    )  # fmt: skip


class Stream:
    """Events by type; the last one repeats the whole answer."""

    def __init__(self) -> None:
        self.begun = self.over = False
        self._reply: Reply | None = None

    def hear(self, said: dict[str, Any]) -> None:
        kind = said.get("type")
        if kind in ("response.completed", "response.incomplete") and isinstance(said.get("response"), Mapping):
            self._reply, self.over = read(said["response"]), True
        elif kind == "response.failed":
            problem = part(said, "response", "error", "message")
            raise Unreadable("stream_error", f"The endpoint broke off: {dialect.plain(problem)}")
        elif kind == "error":
            raise Unreadable("stream_error", f"The endpoint broke off: {dialect.plain(said.get('message'))}")
        elif isinstance(kind, str) and kind.endswith(".delta"):
            self.begun = True

    def ended(self) -> Reply:
        if self._reply is None:
            raise Unreadable("cut", "The answer's stream ends before its end.")
        return self._reply


DIALECT = Dialect(path="/responses", make=make, read=read, listen=Stream)
