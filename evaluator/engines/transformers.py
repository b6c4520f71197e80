"""Transformers, by way of lm-eval's own model class: for architectures that vLLM lacks, and for comparison."""

from typing import Any

import torch
from lm_eval.models import huggingface
from lm_eval.models.huggingface import HFLM

from evaluator.contract import Settings
from evaluator.engines.reporting import ItemCounter, Report, Reporting, bar_for
from evaluator.run import Scoring

CPU_BATCH = 8
"""On CPU larger batches only add padding; on GPU lm-eval finds the largest that fits."""


def load(path: str, settings: Settings, report: Report, scoring: Scoring = "fast") -> HFLM:
    """Load the weights in `path`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return ReportingHFLM(
        report,
        pretrained=path,
        dtype=settings.dtype,
        max_length=settings.max_length,
        device=device,
        batch_size="auto" if device == "cuda" else CPU_BATCH,
        trust_remote_code=False,
    )


class ReportingHFLM(Reporting, HFLM):
    """lm-eval's HFLM with its progress told."""

    def __init__(self, report: Report, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.counter = ItemCounter(report)
        # Upstream drives a bar of its own module's `tqdm` and offers no other hook.
        huggingface.tqdm = bar_for(lambda share: self.counter.advance(share))
