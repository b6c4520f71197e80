"""Log-likelihoods in transformers with every context computed once: lm-eval's own numbers, for less work.

lm-eval's HFLM sends context and choice together, once for each choice of several tokens, and computes the whole
vocabulary for every token of them. Here contexts come in lexical order. Each is computed from where it parts from what
is kept, and the cache of keys and values is kept where later contexts will part from it; the choices of a context go
behind a copy of its cache, several in one batch, and only the rows that are read go through the head.

Equal to lm-eval's: which tokens are scored (`_encode_pair`, left truncation), and what greedy means (the likeliest
token by `argmax`).
"""

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel, cache_utils

from evaluator.engines.grouping import Group, Tokens, cut, grouped, partings
from evaluator.engines.work import Answer, Progress, Work

SHAREABLE = ("DynamicLayer", "DynamicSlidingWindowLayer")
"""Layers of a cache that grow by new tensors and leave the old ones as they are: a copy of the list is a copy of the
cache. Recurrent states are overwritten in place."""
APART = 32
"""Tokens that two kept caches of one context differ by at least: another forward costs about as much as these."""
ROWS = 8
"""Choices in one batch: as many as HFLM has whole requests in one, so that this never needs more memory."""

Pair = tuple[Tokens, Tokens]


@dataclass(frozen=True)
class Kept:
    """The beginning of a context, and the cache behind it."""

    tokens: Tokens
    cache: DynamicCache


class SharedCache:
    """Scores continuations with a model. `longest`: tokens of context and continuation together, as lm-eval cuts."""

    def __init__(self, model: PreTrainedModel, *, longest: int, softmax_dtype: torch.dtype | None = None) -> None:
        self._model = model
        self._longest = longest
        self._softmax_dtype = softmax_dtype
        self._keeps_rows = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._kept: list[Kept] = []
        self.work = Work()

    def forget(self) -> None:
        """Another run: nothing is kept of the last one's contexts, and nothing counted."""
        self._kept = []
        self.work = Work()

    def score(self, requests: Sequence[tuple[Sequence[int], Sequence[int]]], progress: Progress) -> list[Answer]:
        """The answers to (context, continuation) pairs of token ids, in their order."""
        pairs = [cut(context, continuation, self._longest) for context, continuation in requests]
        self.work.requests += len(pairs)
        self.work.asked += sum(map(len, {(*context, *rest[:-1]) for context, rest in pairs}))
        self.work.truncated += sum(len(context) + len(rest) > self._longest for context, rest in requests)
        groups = grouped(pairs)
        total, done = sum(group.tokens for group in groups), 0
        answers: dict[Pair, Answer] = {}
        for group, stops in zip(groups, partings([group.context for group in groups]), strict=True):
            answers |= self._group(group, stops)
            done += group.tokens
            progress(done / total)
        return [answers[pair] for pair in pairs]

    def _group(self, group: Group, stops: list[int]) -> dict[Pair, Answer]:
        """The answers of one context; its cache is kept at `stops`. A single choice goes along with its context."""
        context, choices = group.context, sorted(group.continuations, key=len)
        tail = choices[0][:-1] if len(choices) == 1 else ()
        rows, cache = self._context(context, tail, stops)
        if tail:
            return {(context, choices[0]): answer(rows, choices[0])}
        singles = [choice for choice in choices if len(choice) == 1]
        found: dict[Pair, Answer] = {(context, choice): answer(rows, choice) for choice in singles}
        longer = choices[len(singles) :]
        for start in range(0, len(longer), ROWS):
            some = longer[start : start + ROWS]
            width = len(some[-1]) - 1
            copied = copied_cache(cache)
            copied.batch_repeat_interleave(len(some))
            padded = [(*choice[:-1], *(0,) * (width + 1 - len(choice))) for choice in some]
            self.work.cached += len(some) * len(context)
            behind, _ = self._forward(padded, copied, width)
            for choice, more in zip(some, behind, strict=True):
                found[context, choice] = answer(torch.cat([rows, more[: len(choice) - 1]]), choice)
        return found

    def _context(self, context: Tokens, tail: Tokens, stops: list[int]) -> tuple[torch.Tensor, DynamicCache]:
        """Log-probabilities behind the context and behind each token of `tail` (1 + tail, vocabulary), and the cache
        behind all of them."""
        while self._kept and not begins(context, self._kept[-1].tokens):
            self._kept.pop()
        cache = copied_cache(self._kept[-1].cache) if self._kept else None
        at = len(self._kept[-1].tokens) if self._kept else 0
        self.work.cached += at
        for stop in stops:
            stop = min(stop, len(context) - 1)  # its last token has to be computed: its row is read
            if stop - at >= APART:
                _, cache = self._forward([context[at:stop]], cache, 1)
                self._kept.append(Kept(context[:stop], copied_cache(cache)))
                at = stop
        rows, cache = self._forward([context[at:] + tail], cache, 1 + len(tail))
        return rows[0], cache

    def _forward(self, rows: list[Tokens], cache: DynamicCache | None, read: int) -> tuple[torch.Tensor, DynamicCache]:
        """Log-probabilities of the last `read` places (rows, places, vocabulary), and the cache, which has grown."""
        self.work.computed += sum(map(len, rows))
        told: dict[str, Any] = {"logits_to_keep": read} if self._keeps_rows else {}
        with torch.no_grad():
            given = self._model(
                input_ids=torch.tensor(rows, device=self._model.device), past_key_values=cache, use_cache=True, **told
            )
        likely = torch.log_softmax(given.logits[:, -read:], dim=-1, dtype=self._softmax_dtype)
        return likely, given.past_key_values


def answer(rows: torch.Tensor, choice: Tokens) -> Answer:
    """The answer for a choice whose first token's log-probabilities stand in the first of the rows."""
    tokens = torch.tensor(choice, device=rows.device)
    there = rows[: len(choice)]
    own = there.gather(1, tokens.unsqueeze(1))
    return float(own.sum()), bool((there.argmax(dim=-1) == tokens).all())


def begins(context: Tokens, beginning: Tokens) -> bool:
    """Whether a context goes on behind this beginning."""
    return len(beginning) < len(context) and context[: len(beginning)] == beginning


def copied_cache(cache: DynamicCache) -> DynamicCache:
    """A cache that grows on its own; the tensors so far are the same ones."""
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    return copied


def why_not(model: PreTrainedModel) -> str:
    """Why this model's cache cannot be shared by choices, "" where it can; found by asking it for two tokens."""
    with torch.no_grad():
        cache = model(input_ids=torch.tensor([[0, 1]], device=model.device), use_cache=True).past_key_values
    if not isinstance(cache, DynamicCache):
        return f"The model keeps its past in a {type(cache).__name__}, which choices cannot share."
    known = {getattr(cache_utils, name, None) for name in SHAREABLE}
    others = sorted({type(layer).__name__ for layer in cache.layers if type(layer) not in known})
    return f"The model keeps its past in {' and '.join(others)}, which choices cannot share." if others else ""
