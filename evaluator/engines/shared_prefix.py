"""Log-likelihoods with every context computed once: the same numbers as lm-eval's own way, for a fraction of the work.

lm-eval's VLLM sends context and choice together, once for each choice, and asks for the log-probability of every token
of the prompt; for that vLLM computes each prompt anew, without its prefix cache. Here:

1. each distinct context is one request for one more token, which brings the log-probabilities of the first token of
   every choice (`logprob_token_ids`) and the likeliest token, so that choices of one token are done;
2. longer choices are sent behind their context, which is cached now, with the log-probabilities of the prompt; only
   the rows behind the context are read.

Rows that the cache covers hold nothing. `num_cached_tokens` tells which these are; a request whose rows are among them
is sent again past the cache. Requests with more continuation than context (rolling log-likelihood) go lm-eval's way.

Source of the idea: DESIGN section 4. Equal to lm-eval's: which tokens are scored (`_encode_pair`, left truncation), and
what greedy means (no token is likelier; ties count).
"""

from collections.abc import Callable, Sequence
from typing import Any

from vllm import LLM, SamplingParams, TokensPrompt

from evaluator.engines.grouping import Group, Tokens, cut, grouped, windows
from evaluator.engines.work import Answer, Progress, Work, part_of

MOST_FIRST_TOKENS = 128
"""vLLM's limit on `logprob_token_ids`; a context with more choices takes several requests, cached after the first."""
CACHE_SHARE = 0.5
"""The part of the key-value cache that one window may fill, so that nothing is evicted before it is read."""


class SharedPrefix:
    """Scores continuations with an engine. `generate` runs prompts with their parameters and drives a progress bar."""

    def __init__(
        self,
        generate: Callable[[list[TokensPrompt], list[SamplingParams], Progress], list[Any]],
        *,
        capacity: int,
        longest: int,
    ) -> None:
        self._generate = generate
        self._capacity = max(1, int(capacity * CACHE_SHARE))
        self._longest = longest
        self.work = Work()

    def score(self, requests: Sequence[tuple[Sequence[int], Sequence[int]]], progress: Progress) -> list[Answer]:
        """The answers to (context, continuation) pairs of token ids, in their order."""
        pairs = [cut(context, continuation, self._longest) for context, continuation in requests]
        self.work.truncated += sum(
            len(context) + len(continuation) > self._longest for context, continuation in requests
        )
        self.work.requests += len(pairs)
        self.work.asked += sum(len(context) + len(continuation) for context, continuation in pairs)
        answers: dict[tuple[Tokens, Tokens], Answer] = {}
        alone = list(dict.fromkeys(pair for pair in pairs if len(pair[1]) > len(pair[0])))
        together = grouped(pair for pair in pairs if len(pair[1]) <= len(pair[0]))
        parts = windows(together, self._capacity)
        total = sum(group.tokens for group in together) + sum(len(a) + len(b) for a, b in alone)
        done = 0
        for window in parts:
            size = sum(group.tokens for group in window)
            answers |= self._window(window, part_of(progress, done, size, total))
            done += size
        if alone:
            answers |= self._plainly(alone, part_of(progress, done, total - done, total))
        return [answers[pair] for pair in pairs]

    def _window(self, groups: list[Group], progress: Progress) -> dict[tuple[Tokens, Tokens], Answer]:
        """Both steps for groups whose contexts stay cached in between."""
        firsts = self._first_tokens(groups, part_of(progress, 0, 7, 10))
        answers: dict[tuple[Tokens, Tokens], Answer] = {}
        longer: list[tuple[Tokens, Tokens]] = []
        for group in groups:
            known = firsts[group.context]
            for continuation in group.continuations:
                if len(continuation) == 1:
                    answers[group.context, continuation] = known[continuation[0]]
                else:
                    longer.append((group.context, continuation))
        answers |= self._longer(longer, firsts, part_of(progress, 7, 3, 10))
        return answers

    def _first_tokens(self, groups: list[Group], progress: Progress) -> dict[Tokens, dict[int, Answer]]:
        """Step 1: by context, the answer for the first token of each continuation."""
        asked: list[tuple[Tokens, list[int]]] = []
        for group in groups:
            tokens = list(dict.fromkeys(continuation[0] for continuation in group.continuations))
            asked += [
                (group.context, tokens[at : at + MOST_FIRST_TOKENS]) for at in range(0, len(tokens), MOST_FIRST_TOKENS)
            ]
        outputs = self._run(
            [context for context, _ in asked],
            [
                SamplingParams(temperature=0, max_tokens=1, logprob_token_ids=tokens, detokenize=False)
                for _, tokens in asked
            ],
            progress,
        )
        found: dict[Tokens, dict[int, Answer]] = {}
        for (context, tokens), output in zip(asked, outputs, strict=True):
            row = {token: entry.logprob for token, entry in output.outputs[0].logprobs[0].items()}
            likeliest = max(row.values())  # the sampled token is among them, and it is the likeliest of all
            found.setdefault(context, {}).update({token: (row[token], row[token] >= likeliest) for token in tokens})
        return found

    def _longer(
        self, pairs: list[tuple[Tokens, Tokens]], firsts: dict[Tokens, dict[int, Answer]], progress: Progress
    ) -> dict[tuple[Tokens, Tokens], Answer]:
        """Step 2: the rest of continuations whose contexts are cached."""
        if not pairs:
            return {}
        parameters = SamplingParams(
            temperature=0, max_tokens=1, prompt_logprobs=1, skip_reading_prefix_cache=False, flat_logprobs=True,
            detokenize=False,
        )  # fmt: skip
        outputs = self._run([context + rest for context, rest in pairs], [parameters] * len(pairs), progress)
        answers: dict[tuple[Tokens, Tokens], Answer] = {}
        covered: list[tuple[Tokens, Tokens]] = []
        for (context, rest), output in zip(pairs, outputs, strict=True):
            if (output.num_cached_tokens or 0) > len(context):  # the row of rest[1] comes from the place of rest[0]
                covered.append((context, rest))
                continue
            answers[context, rest] = rows(output.prompt_logprobs, rest[1:], len(context) + 1, firsts[context][rest[0]])
        self.work.fallbacks += len(covered)
        return answers | self._plainly(covered, lambda _: None)

    def _plainly(self, pairs: list[tuple[Tokens, Tokens]], progress: Progress) -> dict[tuple[Tokens, Tokens], Answer]:
        """As lm-eval does, past the cache."""
        if not pairs:
            return {}
        parameters = SamplingParams(
            temperature=0, max_tokens=1, prompt_logprobs=1, flat_logprobs=True, detokenize=False
        )
        outputs = self._run([context + rest for context, rest in pairs], [parameters] * len(pairs), progress)
        return {
            (context, rest): rows(output.prompt_logprobs, rest, len(context))
            for (context, rest), output in zip(pairs, outputs, strict=True)
        }

    def _run(self, prompts: list[Tokens], parameters: list[SamplingParams], progress: Progress) -> list[Any]:
        outputs = self._generate([TokensPrompt(prompt_token_ids=list(one)) for one in prompts], parameters, progress)
        for prompt, output in zip(prompts, outputs, strict=True):
            cached = output.num_cached_tokens or 0
            self.work.cached += cached
            self.work.computed += len(prompt) - cached
        return outputs


def rows(flat: Any, tokens: Tokens, start: int, before: Answer = (0.0, True)) -> Answer:
    """The answer for the tokens `before` and then `tokens`, whose log-probabilities stand in the rows from `start` on.

    A row has the prompt's own token and the likeliest one, which may be the same.
    """
    total, greedy = before
    for token, row in zip(tokens, range(start, start + len(tokens)), strict=True):
        begin, end = flat.start_indices[row], flat.end_indices[row]
        ids, values = flat.token_ids[begin:end], flat.logprobs[begin:end]
        own = values[ids.index(token)]
        total += own
        greedy = greedy and own >= max(values)
    return total, greedy


def capacity_of(engine: LLM) -> int:
    """Tokens that the key-value cache holds."""
    config = engine.llm_engine.vllm_config.cache_config
    return int(config.num_gpu_blocks or 0) * int(config.block_size)
