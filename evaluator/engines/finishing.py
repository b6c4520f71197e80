"""vLLM's requests as they finish, one by one, where lm-eval waits for the last: so that each can be put on disk."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from vllm import LLM, SamplingParams, TokensPrompt
from vllm.sampling_params import RequestOutputKind

from evaluator.journal import Journal, digest

numbers = itertools.count()


def finished(
    llm: LLM, prompts: Sequence[Sequence[int]], parameters: Sequence[SamplingParams], lora_request: Any = None
) -> Iterator[list[tuple[int, Any]]]:
    """After each step of the engine that ends some requests: their places in `prompts`, and vLLM's outputs."""
    engine = llm.llm_engine
    places: dict[str, int] = {}
    for place, (prompt, asked) in enumerate(zip(prompts, parameters, strict=True)):
        asked.output_kind = RequestOutputKind.FINAL_ONLY
        name = f"parity-{next(numbers)}"
        engine.add_request(name, TokensPrompt(prompt_token_ids=list(prompt)), asked, lora_request=lora_request)
        places[name] = place
    while engine.has_unfinished_requests():
        ended = [(places[output.request_id], output) for output in engine.step() if output.finished]
        if ended:
            yield ended


@dataclass(frozen=True)
class Completion:
    """One generated text. `finish_reason` is vLLM's: "stop" or "length"."""

    text: str
    tokens_in: int
    tokens_out: int
    finish_reason: str

    @property
    def outputs(self) -> "list[Completion]":
        """As lm-eval reads vLLM's own output."""
        return [self]


def completed(output: Any) -> Completion:
    first = output.outputs[0]
    return Completion(first.text, len(output.prompt_token_ids), len(first.token_ids), str(first.finish_reason or ""))


def keys_of(prompts: Sequence[Sequence[int]], parameters: Sequence[SamplingParams]) -> list[str]:
    """What decides each text, beside the journal's identity: SHA-256 (hex) over tokens and parameters.

    Equal requests are one, unless the text is drawn: then the second is another draw.
    """
    drawn: dict[str, int] = {}
    keys = []
    for prompt, asked in zip(prompts, parameters, strict=True):
        key = digest(["completion", list(prompt), repr(asked)])
        if asked.temperature > 0:
            drawn[key] = drawn.get(key, -1) + 1
            key = digest([key, drawn[key]])
        keys.append(key)
    return keys


def generate(
    llm: LLM,
    prompts: Sequence[Sequence[int]],
    parameters: Sequence[SamplingParams],
    *,
    journal: Journal | None,
    progress: Callable[[float], None],
    lora_request: Any = None,
) -> tuple[list[Completion], int]:
    """The texts in order, and how many came from the journal. Each is on disk before its progress is told."""
    keys = keys_of(prompts, parameters)
    found: dict[str, Completion] = {}
    if journal is not None:
        found = {key: Completion(*journal[key]) for key in keys if key in journal}
    replayed = sum(key in found for key in keys)
    missing = {key: place for place, key in enumerate(keys) if key not in found}
    places = list(missing.values())
    progress(replayed / max(len(keys), 1))
    for ended in finished(llm, [prompts[one] for one in places], [parameters[one] for one in places], lora_request):
        fresh = {keys[places[place]]: completed(output) for place, output in ended}
        if journal is not None:
            journal.record((key, list(astuple(one))) for key, one in fresh.items())
        found |= fresh
        progress(len(found) / len(set(keys)))
    return [found[key] for key in keys], replayed
