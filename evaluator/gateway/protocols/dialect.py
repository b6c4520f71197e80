"""What a protocol has to say for itself, and what several share."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from evaluator.contract import EndpointSpec
from evaluator.gateway.asking import Asked, Choice, Reply, Usage
from evaluator.gateway.outcomes import Unreadable

MOST_COUNTED = 2**40
Make = Callable[[EndpointSpec, Asked, Set[str]], dict[str, Any]]
"""Body of a request. The set holds what the endpoint was found to refuse (see `evaluator.gateway.learning`)."""


class Listener(Protocol):
    """Reads one stream. `begun`: the first token, of an answer or of a thought, has come. `over`: nothing follows."""

    begun: bool
    over: bool

    def hear(self, said: dict[str, Any]) -> None:
        """One event's data; raises Unreadable."""

    def ended(self) -> Reply:
        """The answer, once the stream has ended; raises Unreadable if that was too early."""


@dataclass(frozen=True)
class Dialect:
    path: str
    make: Make
    read: Callable[[Mapping[str, Any]], Reply]
    """The reply of a whole JSON body; raises Unreadable."""
    listen: Callable[[], Listener]
    streams: Callable[[Asked], bool] = field(default=lambda _: True)


ANTHROPIC = "anthropic.com"


def headers(spec: EndpointSpec) -> dict[str, str]:
    """Of every request: whose account, and the key.

    Anthropic takes its keys as `x-api-key` and refuses them as bearer tokens; others that speak its protocol (vLLM,
    OpenRouter) look for a bearer token, and get both.
    """
    anthropic = spec.protocol == "anthropic-messages"
    found = {"anthropic-version": "2023-06-01"} if anthropic else {}
    found |= {name.lower(): value for name, value in spec.headers.items()}
    if spec.api_key and anthropic:
        found["x-api-key"] = spec.api_key
    if spec.api_key and not (anthropic and (urlsplit(spec.base_url).hostname or "").endswith(ANTHROPIC)):
        found["authorization"] = f"Bearer {spec.api_key}"
    return found


def most_tokens(spec: EndpointSpec, asked: Asked) -> int:
    """The most for one answer, thinking included: what the submission says, else the task's and the thinking's."""
    sampling = spec.sampling
    return sampling.max_tokens or asked.max_tokens + (sampling.thinking_tokens or 0)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def seed(spec: EndpointSpec, asked: Asked) -> int | None:
    """Another one for each pass: the same again would say the same again."""
    return None if asked.seed is None else asked.seed + asked.number


def count(value: Any) -> int | None:
    """A number of tokens, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNTED else None


def part(said: Any, *names: str) -> Any:
    """What stands under names within names, None where something else stands."""
    for name in names:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


def plain(value: Any) -> str:
    """A short text of an answer about itself."""
    return value[:200] if isinstance(value, str) else ""


def openai_usage(said: Any, *, given: str, made: str) -> Usage | None:
    """Usage by OpenAI's words: prompt and completion, or input and output. Where the total is more than both (thoughts
    left out of the completion, as Gemini does), the rest was thought."""
    tokens, output = count(part(said, f"{given}_tokens")), count(part(said, f"{made}_tokens"))
    if tokens is None or output is None:
        return None
    reasoning = count(part(said, f"{made}_tokens_details", "reasoning_tokens")) or 0
    more = max(0, (count(part(said, "total_tokens")) or 0) - tokens - output)
    cached = count(part(said, f"{given}_tokens_details", "cached_tokens")) or 0
    return Usage(tokens, output + more, min(cached, tokens), min(max(reasoning, more), output + more))


def content_of(message: Any) -> str:
    """The text of a message: a string, or parts of which some are thoughts; a refusal is the model's own word too."""
    content = part(message, "content")
    if isinstance(content, list):
        texts = [part(one, "text") for one in content if part(one, "type") in ("text", "output_text")]
        content = "".join(one for one in texts if isinstance(one, str))
    if content is None:
        content = part(message, "refusal") or ""
    if not isinstance(content, str):
        raise Unreadable("bad_json", "The answer's content is no text.")
    return content


def failure(said: Mapping[str, Any]) -> None:
    """Raise Unreadable if the endpoint tells of a failure where its answer should be."""
    problem = said.get("error")
    if problem:
        words = part(problem, "message") or part(problem, "type") or problem
        raise Unreadable("stream_error", f"The endpoint broke off: {str(words)[:300]}")


def one_choice(text: str, finish: str, **about: Any) -> Reply:
    return Reply(choices=(Choice(text, finish),), **about)
