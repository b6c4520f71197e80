"""lm-eval's own vLLM model, untouched, on tasks as they come with it: one engine, a call for each task.

A folder with asked.json (`Asked`) gets table.json, lm-eval's row for each task, and samples.jsonl, as a run writes it.
tests.evaluator.engines.in_turn starts it.
"""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
from lm_eval import simple_evaluate
from lm_eval.models.vllm_causallms import VLLM

from evaluator import run
from evaluator.contract import encode_sample
from evaluator.records import samples_of
from tests.evaluator.engines.stock_asked import ASKED, TABLE, Asked


class Reordered(VLLM):
    """The same requests in another order, and so in other batches."""

    order = 0

    def _model_generate(
        self, requests: list[list[int]], generate: bool = False, sampling_params: Any = None
    ) -> list[Any]:
        places = list(range(len(requests)))
        random.Random(self.order).shuffle(places)
        if isinstance(sampling_params, list):
            sampling_params = [sampling_params[place] for place in places]
        told = super()._model_generate([requests[place] for place in places], generate, sampling_params)
        return [output for _, output in sorted(zip(places, told, strict=True), key=lambda pair: pair[0])]


def answer(folder: Path) -> int:
    """Evaluate what asked.json says; returns the exit status."""
    asked = msgspec.json.decode((folder / ASKED).read_bytes(), type=Asked)
    kind = VLLM if asked.order is None else Reordered
    model = kind(
        pretrained=asked.model, dtype=asked.dtype, batch_size="auto", max_model_len=asked.longest, enforce_eager=True,
        disable_log_stats=True,
    )  # fmt: skip
    if asked.order is not None:
        model.order = asked.order
    table: dict[str, Any] = {}
    with (folder / run.SAMPLES).open("wb") as out:
        for task, shots, documents in asked.tasks:
            found = simple_evaluate(model=model, tasks=[task], num_fewshot=shots, limit=documents, log_samples=True)
            assert found is not None
            table[task] = {key: value for key, value in found["results"][task].items() if "," in key}
            for sample in samples_of(task, found["samples"][task]):
                out.write(encode_sample(sample) + b"\n")
    (folder / TABLE).write_text(json.dumps(table, default=float))
    return 0
