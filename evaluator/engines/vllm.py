"""vLLM, by way of lm-eval's own model class: same requests, same numbers; what is added is the progress."""

from typing import Any

import torch
from lm_eval.models.vllm_causallms import VLLM
from vllm import SamplingParams, TokensPrompt

from evaluator.contract import Settings
from evaluator.engines.reporting import ItemCounter, Report, Reporting, bar_for

CPU_SEQUENCES = 32
"""Requests in flight on CPU: as fast as 256 there, and the first items are done after seconds, not at the end."""


def load(path: str, settings: Settings, report: Report) -> VLLM:
    """Start the engine with the weights in `path`."""
    arguments: dict[str, Any] = {"max_model_len": settings.max_length, "disable_log_stats": True}
    if not torch.cuda.is_available():
        arguments["enforce_eager"] = True  # compiling takes longer than it saves on CPU
        arguments["max_num_seqs"] = CPU_SEQUENCES
    return ReportingVLLM(report, pretrained=path, dtype=settings.dtype, batch_size="auto", **arguments)


class ReportingVLLM(Reporting, VLLM):
    """lm-eval's VLLM with its progress told."""

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.counter = ItemCounter(report)

    def _model_generate(
        self,
        requests: list[list[int]],
        generate: bool = False,
        sampling_params: list[SamplingParams] | SamplingParams | None = None,
    ) -> Any:
        """As upstream for one replica, with our bar: upstream asks vLLM for its own, which only prints."""
        if not generate or sampling_params is None:
            sampling_params = SamplingParams(temperature=0, prompt_logprobs=1, max_tokens=1, detokenize=False)
        return self.model.generate(
            [TokensPrompt(prompt_token_ids=request) for request in requests],
            sampling_params=sampling_params,
            use_tqdm=bar_for(self.counter),
            lora_request=self.lora_request,
        )
