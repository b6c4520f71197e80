"""vLLM, by way of lm-eval's own model class: the same numbers, with the progress told and contexts shared."""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.vllm_causallms import VLLM
from vllm import SamplingParams, TokensPrompt

from evaluator.adapters import WEIGHTS, targets
from evaluator.contract import Settings
from evaluator.engines.counting import Counting
from evaluator.engines.finishing import Completion
from evaluator.engines.finishing import generate as generated
from evaluator.engines.reporting import ItemCounter, Report, Reporting, bar_for, place_of
from evaluator.engines.shared_prefix import SharedPrefix, capacity_of
from evaluator.engines.thinking import Thinking, arguments_of
from evaluator.engines.work import Progress, Work
from evaluator.mirror import MirrorFolder
from evaluator.planner import CPU_SEQUENCES, Plan
from evaluator.run import Scoring

CPU_BLOCK = 32
"""Tokens of a block of the key-value cache on CPU, the smallest that its kernels like. Contexts are shared in whole
blocks, and vLLM's 128 would compute half of that again for each choice."""
NEEDED = ("logprob_token_ids", "skip_reading_prefix_cache", "flat_logprobs")
"""Parameters of vLLM that contexts are shared by."""


def load(
    path: str,
    settings: Settings,
    report: Report,
    scoring: Scoring = "fast",
    plan: Plan | None = None,
    *,
    adapter: str = "",
    tokenizer: str = "",
) -> VLLM:
    """Start the engine with the weights in `path`, by `plan`; None: as settings and a small host want it.

    `adapter`: the folder of a LoRA adapter that is put on them; `tokenizer`: whose is used, "" for theirs.
    """
    plan = plan or Plan(dtype=settings.dtype, max_length=settings.max_length, max_num_seqs=CPU_SEQUENCES)
    arguments: dict[str, Any] = {"max_model_len": plan.max_length, "disable_log_stats": True}
    arguments["max_num_seqs"] = plan.max_num_seqs
    if torch.cuda.is_available():
        arguments["tensor_parallel_size"] = plan.tensor_parallel_size
        arguments["gpu_memory_utilization"] = plan.memory_share
    else:
        arguments["enforce_eager"] = True  # compiling takes longer than it saves on CPU
        if scoring == "fast":
            arguments["block_size"] = CPU_BLOCK
    if plan.quantised_here:
        arguments["quantization"] = plan.quantisation
    arguments |= {"pretrained": path, "dtype": plan.dtype, "batch_size": "auto", **arguments_of(settings)}
    if adapter:
        arguments |= {"lora_local_path": adapter, "max_lora_rank": plan.lora_rank, "tokenizer": tokenizer or path}
        # Without it the head is wrapped too, whose wrapper takes a row of logits for each request and not each token:
        # log-probabilities of prompts fail there.
        arguments["lora_target_modules"] = targets(MirrorFolder(adapter, Path(adapter)).tensors([WEIGHTS]))
    model = SharingVLLM(report, **arguments) if scoring == "fast" else ReportingVLLM(report, **arguments)
    model.room = settings.thinking_tokens
    return model


class ReportingVLLM(Thinking, Reporting, Counting, VLLM):
    """lm-eval's VLLM with its progress told and each text on disk once it is finished."""

    kept_back = 1  # vLLM always makes one token more

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.counter = ItemCounter(report)
        self._ended: list[Completion] = []

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """As upstream, which has the prompts cut and the texts trimmed; all in flight together, without slices, unless
        others answer some of them."""
        requests = self.with_room(requests)
        if self.shard is not None and self.journal is not None:
            return self._in_rounds(self._texts, requests)
        return self._counted(self._texts, requests, disable_tqdm)

    def _texts(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:
        self._ended = []
        order = self.cache_hook = Order()
        texts: list[str] = VLLM.generate_until(self, requests, disable_tqdm=disable_tqdm)
        for request, one in order.parted(requests, self._ended):
            self.completions.setdefault(place_of(request), []).append(one)
        return texts

    def _model_generate(
        self,
        requests: list[list[int]],
        generate: bool = False,
        sampling_params: list[SamplingParams] | SamplingParams | None = None,
    ) -> Any:
        """As upstream for one replica: texts by way of the journal, log-probabilities with the progress told."""
        if generate and isinstance(sampling_params, list):
            texts, replayed = generated(
                self.model,
                requests,
                sampling_params,
                journal=self.journal,
                progress=self.counter.advance,
                lora_request=self.lora_request,
            )
            self.replayed += replayed
            self.asked += len(texts) - replayed
            self._ended += texts
            return texts
        asked = SamplingParams(temperature=0, prompt_logprobs=1, max_tokens=1, detokenize=False)
        return self._generate_parts(prompts_of(requests), [asked] * len(requests), self.counter.advance)

    def _generate_parts(
        self, prompts: list[TokensPrompt], parameters: list[SamplingParams], progress: Progress
    ) -> list[Any]:
        bar = bar_for(progress)
        return list(self.model.generate(prompts, parameters, use_tqdm=bar, lora_request=self.lora_request))


class Order:
    """Takes the place of lm-eval's cache: hears in which order it deals with the requests, shortest prompts last."""

    def __init__(self) -> None:
        self.contexts: list[str] = []

    def add_partial(self, kind: str, arguments: tuple[str, Any], response: str) -> None:
        """One request is answered."""
        self.contexts.append(arguments[0])

    def parted(
        self, requests: Iterable[Instance], ended: Iterable[Completion]
    ) -> Iterator[tuple[Instance, Completion]]:
        """Each request with what ended for it; `ended` is in the order that was heard. Equal prompts keep theirs."""
        by_context: dict[str, list[Completion]] = {}
        for context, one in zip(self.contexts, ended, strict=True):
            by_context.setdefault(context, []).append(one)
        for request in requests:
            yield request, by_context[request.args[0]].pop(0)


def prompts_of(requests: list[list[int]]) -> list[TokensPrompt]:
    return [TokensPrompt(prompt_token_ids=request) for request in requests]


class SharingVLLM(ReportingVLLM):
    """Log-likelihoods with every context computed once (`evaluator.engines.shared_prefix`); all else as above."""

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(report, **arguments)
        self._strict_because = why_strict(self)
        self._sharing = SharedPrefix(
            self._generate_parts, capacity=capacity_of(self.model), longest=self.max_length - 1
        )

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        if self._strict_because:
            return list(super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm))
        return self._sharing.score([(context, rest) for _, context, rest in requests], self.counter.advance)

    def begin_again(self, report: Report) -> None:
        super().begin_again(report)
        self._sharing.work = Work()

    def path_facts(self) -> dict[str, Any]:
        if self._strict_because:
            return {"path": "strict", "path_reason": self._strict_because}
        return {"path": "fast", "scoring_tokens": asdict(self._sharing.work)}


def why_strict(model: VLLM) -> str:
    """Why contexts cannot be shared with this engine, "" where they can."""
    missing = [name for name in NEEDED if name not in inspect.signature(SamplingParams).parameters]
    if missing:
        return f"This vLLM does not know {', '.join(missing)}."
    if model.data_parallel_size > 1:
        return "Replicas of the model have a cache each."
    if not model.model.llm_engine.vllm_config.cache_config.enable_prefix_caching:
        return "The prefix cache is off for this model."
    return ""
