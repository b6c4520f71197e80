"""Tokens that went into the model and came out, and why its texts ended: for each sample, and all together.

Log-likelihood requests are counted as lm-eval encodes them anyway; of generated texts the engine tells itself
(`Completion`). What came from the journal was not encoded in this run, and is here.
"""

from typing import Any, Protocol

from lm_eval.api.model import TemplateLM

from evaluator.engines.thinking import LIMITS, parted
from evaluator.records import RawSample, Told

Place = tuple[str, int, int]
"""Task, document, and the request's number within the document."""


class Completion(Protocol):
    """What an engine tells of one generated text, as it came: before stop sequences and thinking are cut off."""

    @property
    def text(self) -> str: ...
    @property
    def tokens_in(self) -> int: ...
    @property
    def tokens_out(self) -> int: ...
    @property
    def finish_reason(self) -> str: ...


class Counting(TemplateLM):
    """Mixed in before one of lm-eval's model classes: remembers how many tokens each request of a pair has."""

    pair_tokens: dict[int, int]
    kept_back = 0
    """Tokens of the context that a log-likelihood request may not fill."""

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        before, after = super()._encode_pair(context, continuation)
        self.counts[hash((context, continuation))] = len(before) + len(after)
        return before, after

    @property
    def counts(self) -> dict[int, int]:
        """By the hash of context and continuation."""
        if "pair_tokens" not in vars(self):
            self.pair_tokens = {}
        return self.pair_tokens


class Counter:
    """Tells what the model told of each document of a task; `totals` grow by it once a document."""

    def __init__(self, model: Any, task: str, totals: dict[str, int]) -> None:
        self._model, self._task, self._totals = model, task, totals
        self._cut = 0

    def __call__(self, sample: RawSample) -> Told:
        requests = zip(sample["arguments"], sample["resps"], strict=True)
        parts = [
            self._request((self._task, sample["doc_id"], number), tuple(arguments), list(responses))
            for number, (arguments, responses) in enumerate(requests)
        ]
        told = Told(
            tokens_in=sum(part.tokens_in or 0 for part in parts),
            tokens_out=sum(part.tokens_out or 0 for part in parts),
            finish=tuple(reason for part in parts for reason in part.finish),
            thinking=tuple(thought for part in parts for thought in part.thinking),
        )
        self._totals["input"] = self._totals.get("input", 0) + (told.tokens_in or 0)
        self._totals["output"] = self._totals.get("output", 0) + (told.tokens_out or 0)
        cut = sum(reason == "length" for reason in told.finish)
        if told.thinking:
            spent = sum(self._size(thought) for thought in told.thinking)
            self._totals["thinking"] = self._totals.get("thinking", 0) + spent
        self._totals["prompts_cut"] = self._totals.get("prompts_cut", 0) + self._cut
        self._cut = 0
        self._totals["texts_cut"] = self._totals.get("texts_cut", 0) + cut
        return told

    def _request(self, place: Place, arguments: tuple[Any, ...], responses: list[Any]) -> Told:
        if isinstance(arguments[-1], dict):
            return self._texts(place, str(arguments[0]), arguments[1], [str(response) for response in responses])
        repeats = max(1, len(responses))
        if len(arguments) == 1:
            return Told(tokens_in=repeats * self._size(str(arguments[0])), tokens_out=0)
        context, continuation = str(arguments[0]), str(arguments[1])
        known = self._model.counts.get(hash((context, continuation)))
        if known is None:
            known = self._size(context + continuation)
        self._cut += known > self._model.max_length - self._model.kept_back
        return Told(tokens_in=repeats * known, tokens_out=0)

    def _texts(self, place: Place, context: str, told: dict[str, Any], responses: list[str]) -> Told:
        """Generated ones: as the engine says, else by the texts themselves, which lack what was cut off."""
        size = self._size(context)
        self._cut += len(responses) * (size > self._model.max_length - self._answer(told))
        made: list[Completion] = getattr(self._model, "completions", {}).get(place, [])
        if len(made) == len(responses):
            end = str(getattr(self._model, "think_end_token", None) or "")
            thoughts = tuple(parted(one.text, end)[0] for one in made)
            return Told(
                tokens_in=sum(one.tokens_in for one in made),
                tokens_out=sum(one.tokens_out for one in made),
                finish=tuple(one.finish_reason for one in made),
                thinking=thoughts if any(thoughts) else (),
            )
        return Told(
            tokens_in=len(responses) * size, tokens_out=sum(map(self._size, responses)),
            finish=("",) * len(responses),
        )  # fmt: skip

    def _answer(self, told: dict[str, Any]) -> int:
        """The tokens of context that are left free for a text."""
        return int(next((told[name] for name in LIMITS if told.get(name) is not None), self._model.max_gen_toks))

    def _size(self, text: str) -> int:
        return len(self._model.tok_encode(text))
