"""Transformers, by way of lm-eval's own model class: for architectures that vLLM lacks, and for comparison; on CPU with
contexts shared.
"""

from dataclasses import asdict
from typing import Any

import torch
from lm_eval.models import huggingface
from lm_eval.models.huggingface import HFLM
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from evaluator.contract import Settings
from evaluator.engines.counting import Counting
from evaluator.engines.reporting import ItemCounter, Report, Reporting, bar_for
from evaluator.engines.shared_cache import SharedCache, why_not
from evaluator.engines.thinking import Thinking, arguments_of
from evaluator.planner import Plan
from evaluator.run import Scoring

CPU_BATCH = 8
"""On CPU larger batches only add padding; on GPU lm-eval finds the largest that fits."""


def load(path: str, settings: Settings, report: Report, scoring: Scoring = "fast", plan: Plan | None = None) -> HFLM:
    """Load the weights in `path`, by `plan`; None: as the settings want it."""
    plan = plan or Plan(dtype=settings.dtype, max_length=settings.max_length)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = SharingHFLM if scoring == "fast" else ReportingHFLM
    model = kind(
        report,
        pretrained=path,
        dtype=plan.dtype,
        max_length=plan.max_length,
        device=device,
        batch_size="auto" if device == "cuda" else CPU_BATCH,
        trust_remote_code=False,
        **arguments_of(settings),
    )
    model.room = settings.thinking_tokens
    return model


def loader_of(path: str) -> Any:
    """What loads the checkpoint where lm-eval would choose wrongly: models that also see, and Mistral 4, are not among
    transformers' causal ones. None: lm-eval chooses."""
    kind = type(AutoConfig.from_pretrained(path, local_files_only=True))
    sees = kind in AutoModelForImageTextToText._model_mapping and kind not in AutoModelForCausalLM._model_mapping
    return AutoModelForImageTextToText if sees else None


class ReportingHFLM(Thinking, Reporting, Counting, HFLM):
    """lm-eval's HFLM with its progress told."""

    def __init__(self, report: Report, **arguments: Any) -> None:
        self.AUTO_MODEL_CLASS = loader_of(arguments["pretrained"])
        super().__init__(**arguments)
        self.counter = ItemCounter(report)
        # Upstream drives a bar of its own module's `tqdm` and offers no other hook.
        huggingface.tqdm = bar_for(lambda share: self.counter.advance(share))


class SharingHFLM(ReportingHFLM):
    """Log-likelihoods with every context computed once (`evaluator.engines.shared_cache`); all else as above."""

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(report, **arguments)
        self._strict_because = why_strict(self)
        self._sharing = SharedCache(self.model, longest=self.max_length + 1, softmax_dtype=self.softmax_dtype)

    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str], list[int], list[int]]],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[tuple[float, bool]]:
        """As upstream; `override_bs` is said by the windows of a rolling one alone, which share nothing."""
        if self._strict_because or override_bs is not None:
            return list(super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm, override_bs=override_bs))
        return self._sharing.score([(context, rest) for _, context, rest in requests], self.counter.advance)

    def begin_again(self, report: Report) -> None:
        super().begin_again(report)
        self._sharing.forget()

    def path_facts(self) -> dict[str, Any]:
        if self._strict_because:
            return {"path": "strict", "path_reason": self._strict_because}
        return {"path": "fast", "scoring_tokens": asdict(self._sharing.work)}


def why_strict(model: HFLM) -> str:
    """Why contexts are not shared with this model, "" where they are."""
    if model.device.type != "cpu":
        return "On a GPU whole requests go in lm-eval's large batches."
    if model.backend != "causal":
        return "The model has an encoder, which reads a context apart from its choices."
    return why_not(model.model)
