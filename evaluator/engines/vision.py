"""vLLM with images, by way of lm-eval's own model class: generated answers only.

Nothing is journalled: a picture has no name there that another run would find it by.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.utils import postprocess_generated_text
from lm_eval.models.vllm_vlms import VLLM_VLM
from vllm import SamplingParams, TextPrompt

from evaluator.contract import Settings
from evaluator.engines.counting import Counting
from evaluator.engines.finishing import Completion, completed
from evaluator.engines.reporting import ItemCounter, Report, Reporting, bar_for, place_of
from evaluator.engines.thinking import Thinking, arguments_of
from evaluator.engines.vllm import Order
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
    model = VisionVLLM(report, max_images=MOST_IMAGES, **arguments, **arguments_of(settings))
    model.room = settings.thinking_tokens
    return model


class VisionVLLM(Thinking, Reporting, Counting, VLLM_VLM):
    """lm-eval's VLLM_VLM with its progress told, and with thoughts, which upstream knows only in texts alone."""

    kept_back = 1  # vLLM always makes one token more

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.counter = ItemCounter(report)
        self._ended: list[Completion] = []
        self.tell_the_template()

    def tell_the_template(self) -> None:
        """Whether to think, where the settings say so."""
        if self.enable_thinking is not None:
            template = self.processor.apply_chat_template
            self.processor.apply_chat_template = partial(template, enable_thinking=self.enable_thinking)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """As upstream; what vLLM tells of each text is kept with its request."""
        order = self.cache_hook = Order()
        self._ended = []
        texts = super().generate_until(requests, disable_tqdm=disable_tqdm)
        for request, one in order.parted(requests, self._ended):
            self.completions.setdefault(place_of(request), []).append(one)
        return texts

    def _answered(self, call: Callable[..., list[T]], requests: list[Instance], disable_tqdm: bool) -> list[T]:
        self.asked += len(requests)
        return self._counted(call, requests, disable_tqdm)

    def _model_generate(self, requests: list[list[int]], generate: bool = False, sampling_params: Any = None) -> Any:
        """As upstream, for what shows no image."""
        outputs = super()._model_generate(requests, generate, sampling_params)
        if generate:
            self._ended += [completed(output) for output in outputs]
        return outputs

    def _multimodal_model_generate(
        self,
        requests: list[TextPrompt] | None = None,
        generate: bool = False,
        max_tokens: int | None = None,
        stop: list[str] | None = None,
        **arguments: Any,
    ) -> list[Completion]:
        """As upstream for one replica, with our bar: upstream asks vLLM for its own, which only prints.

        A thought may hold what ends an answer: nothing but the text's own end stops a model that thinks, and the rest
        is heeded behind the thought, as upstream does for texts alone.
        """
        end = self.tokenizer.decode(self.eot_token_id)
        heeded = [word for word in stop or [] if word == end] if self.think_end_token else stop
        outputs = self.model.generate(
            requests or [],
            sampling_params=SamplingParams(max_tokens=max_tokens, stop=heeded, **arguments),
            use_tqdm=bar_for(self.counter.advance),
            lora_request=self.lora_request,
        )
        ended = [completed(output) for output in outputs]
        self._ended += ended
        if not self.think_end_token:
            return ended
        return [replace(one, text=postprocess_generated_text(one.text, stop, self.think_end_token)) for one in ended]
