"""OpenAI's chat completions, which most servers and providers speak."""

from collections.abc import Mapping, Set
from typing import Any
from urllib.parse import urlsplit

from evaluator.contract import EndpointSpec
from evaluator.gateway.asking import Asked, Reply
from evaluator.gateway.outcomes import Refusal, Unreadable
from evaluator.gateway.protocols import dialect
from evaluator.gateway.protocols.dialect import Dialect, part

MOST_STOPS = 4


def make(spec: EndpointSpec, asked: Asked, refused: Set[str]) -> dict[str, Any]:
    messages = asked.messages or (("user", prompt_of(asked)),)
    sampling = spec.sampling
    limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
    return {
        "model": spec.model,
        "messages": [{"role": role, "content": text} for role, text in messages],
        limit: dialect.most_tokens(spec, asked),
        **dialect.given(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            reasoning_effort=sampling.reasoning_effort,
            seed=None if "seed" in refused else dialect.seed(spec, asked),
            stop=list(stops(spec, asked, refused)) or None,
        ),
        **thinking(spec),
        **streaming(refused),
    }


def prompt_of(asked: Asked) -> str:
    """A completion's prompt as the one message of a chat."""
    prompt = asked.prompts[0]
    if asked.likely or len(asked.prompts) > 1 or not isinstance(prompt, str):
        raise Refusal(400, "This endpoint chats: give one prompt, as text, and ask for no log-probabilities.")
    return prompt


def stops(spec: EndpointSpec, asked: Asked, refused: Set[str]) -> tuple[str, ...]:
    """Those that are sent; all of them are applied to what comes back."""
    return asked.stop[:MOST_STOPS] if spec.sampling.stop and "stop" not in refused else ()


def thinking(spec: EndpointSpec) -> dict[str, Any]:
    """A budget for thoughts has a name of its own at every provider; vLLM's where nothing else is known."""
    tokens = spec.sampling.thinking_tokens
    if tokens is None:
        return {}
    host = urlsplit(spec.base_url).hostname or ""
    if host.endswith(".googleapis.com"):
        return {"extra_body": {"google": {"thinking_config": {"thinking_budget": tokens}}}}
    if host.endswith("openrouter.ai"):
        return {"reasoning": {"max_tokens": tokens}}
    return {"thinking_token_budget": tokens}


def streaming(refused: Set[str]) -> dict[str, Any]:
    if "stream" in refused:
        return {}
    return {"stream": True} | ({} if "stream_options" in refused else {"stream_options": {"include_usage": True}})


def read(said: Mapping[str, Any]) -> Reply:
    dialect.failure(said)
    choice = first(said)
    if choice is None or not isinstance(choice.get("message"), Mapping):
        raise Unreadable("bad_json", "The answer has no choices with a message.")
    return dialect.one_choice(
        dialect.content_of(choice["message"]), dialect.plain(choice.get("finish_reason")) or "stop", **about(said)
    )


def first(said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = said.get("choices")
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, Mapping) else None


def about(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "usage": dialect.openai_usage(said.get("usage"), given="prompt", made="completion"),
        "model": dialect.plain(said.get("model")),
        "fingerprint": dialect.plain(said.get("system_fingerprint")),
    }


class Stream:
    """Chunks with deltas; the last ones hold the reason for the end, and the usage."""

    def __init__(self, place: str = "delta") -> None:
        self.begun = self.over = False  # over is what [DONE] says
        self._place, self._texts, self._finish = place, list[str](), ""
        self._about: dict[str, Any] = {"usage": None, "model": "", "fingerprint": ""}

    def hear(self, said: dict[str, Any]) -> None:
        dialect.failure(said)
        self._about |= {name: value for name, value in about(said).items() if value}
        choice = first(said)
        if choice is None:
            return
        text = choice.get("text") if self._place == "text" else self.delta(choice.get("delta"))
        if isinstance(text, str) and text:
            self.begun = True
            self._texts.append(text)
        self._finish = dialect.plain(choice.get("finish_reason")) or self._finish

    def delta(self, said: Any) -> str:
        if part(said, "reasoning_content") or part(said, "reasoning"):
            self.begun = True
        return dialect.content_of(said)

    def ended(self) -> Reply:
        if not self._finish:
            raise Unreadable("cut", "The answer's stream ends before its end.")
        return dialect.one_choice("".join(self._texts), self._finish, **self._about)


DIALECT = Dialect(path="/chat/completions", make=make, read=read, listen=Stream)
