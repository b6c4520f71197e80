"""OpenAI's plain completions: a prompt goes on. The only protocol that tells a prompt's own log-probabilities."""

from collections.abc import Mapping, Set
from typing import Any

from evaluator.contract import EndpointSpec
from evaluator.gateway.asking import Asked, Choice, Reply
from evaluator.gateway.outcomes import Unreadable
from evaluator.gateway.protocols import dialect, openai_chat
from evaluator.gateway.protocols.dialect import Dialect


def make(spec: EndpointSpec, asked: Asked, refused: Set[str]) -> dict[str, Any]:
    sampling = spec.sampling
    prompts = list(asked.prompts) or ["\n\n".join(text for _, text in asked.messages)]
    stops = openai_chat.stops(spec, asked, refused)
    return {
        "model": spec.model,
        "prompt": prompts[0] if len(prompts) == 1 else prompts,
        "max_tokens": asked.max_tokens if asked.likely else dialect.most_tokens(spec, asked),
        **asked.likely,
        **dialect.given(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=None if "seed" in refused else dialect.seed(spec, asked),
            stop=list(stops) or None,
        ),
        **(openai_chat.streaming(refused) if streams(asked) else {}),
    }


def streams(asked: Asked) -> bool:
    """Streams are read for one text; log-probabilities and several prompts come in one piece."""
    return not asked.likely and len(asked.prompts) <= 1


def read(said: Mapping[str, Any]) -> Reply:
    dialect.failure(said)
    choices = said.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(one, Mapping) for one in choices):
        raise Unreadable("bad_json", "The answer has no choices.")
    ordered = sorted(choices, key=lambda one: dialect.count(one.get("index")) or 0)
    return Reply(choices=tuple(choice(one) for one in ordered), **openai_chat.about(said))


def choice(said: Mapping[str, Any]) -> Choice:
    text = said.get("text")
    if not isinstance(text, str):
        raise Unreadable("bad_json", "The answer's choice has no text.")
    return Choice(text, dialect.plain(said.get("finish_reason")) or "stop", said.get("logprobs"))


DIALECT = Dialect(path="/completions", make=make, read=read, listen=lambda: openai_chat.Stream("text"), streams=streams)
