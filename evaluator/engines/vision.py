"""vLLM with images, by way of lm-eval's own model class: generated answers only.

Nothing is journalled: a picture has no name there that another run would find it by.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.vllm_vlms import VLLM_VLM
from vllm import SamplingParams, TextPrompt

from evaluator.contract import Settings
from evaluator.engines.reporting import ItemCounter, Report, Reporting, bar_for
from evaluator.planner import CPU_SEQUENCES, Plan
from evaluator.run import Scoring

T = TypeVar("T")

MOST_IMAGES = 7
"""Of one prompt: MMMU's questions have as many."""


def load(
    path: str, settings: Settings, report: Report, scoring: Scoring = "fast", plan: Plan | None = None
) -> VLLM_VLM:
    """Start the engine with the weights in `path`, by `plan`."""
    plan = plan or Plan(dtype=settings.dtype, max_length=settings.max_length, max_num_seqs=CPU_SEQUENCES)
    arguments: dict[str, Any] = {"max_model_len": plan.max_length, "max_num_seqs": plan.max_num_seqs}
    if torch.cuda.is_available():
        arguments["tensor_parallel_size"] = plan.tensor_parallel_size
        arguments["gpu_memory_utilization"] = plan.memory_share
    else:
        arguments["enforce_eager"] = True
    arguments |= {"pretrained": path, "dtype": plan.dtype, "batch_size": "auto", "disable_log_stats": True}
    return VisionVLLM(report, max_images=MOST_IMAGES, **arguments)


class VisionVLLM(Reporting, VLLM_VLM):
    """lm-eval's VLLM_VLM with its progress told."""

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.counter = ItemCounter(report)

    def _answered(self, call: Callable[..., list[T]], requests: list[Instance], disable_tqdm: bool) -> list[T]:
        self.asked += len(requests)
        return self._counted(call, requests, disable_tqdm)

    def _multimodal_model_generate(
        self,
        requests: list[TextPrompt] | None = None,
        generate: bool = False,
        max_tokens: int | None = None,
        stop: list[str] | None = None,
        **arguments: Any,
    ) -> Any:
        """As upstream for one replica, with our bar: upstream asks vLLM for its own, which only prints."""
        return self.model.generate(
            requests or [],
            sampling_params=SamplingParams(max_tokens=max_tokens, stop=stop, **arguments),
            use_tqdm=bar_for(self.counter.advance),
            lora_request=self.lora_request,
        )
