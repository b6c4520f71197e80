"""Recorded responses scored by lm-eval itself: python -m tests.evaluator.engines.scored_by_lm_eval SAMPLES TASK...

SAMPLES is a samples.jsonl. A model that answers from it goes through lm-eval's own filters, scoring and means; programs
run by `tests.evaluator.plain_code_eval`, not in our sandbox. Run it where the mirrored datasets lie; none of Parity's
engine is used. The last line of stdout is JSON: task -> {"table": lm-eval's row, "items": {document: {metric: value}}}.
"""

import json
import sys
from pathlib import Path
from typing import Any

import evaluate
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from evaluator.contract import Sample, decode_sample
from tests.evaluator.plain_code_eval import PlainCodeEval


class Recorded(LM):
    """Answers what was answered before, by task and document."""

    def __init__(self, samples: list[Sample]) -> None:
        super().__init__()
        self.known = {(one.task, one.doc_id): one.responses for one in samples}

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [self.known[one.task_name, one.doc_id][one.idx] for one in requests]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        raise NotImplementedError("Only generated answers are scored again.")

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        raise NotImplementedError("Only generated answers are scored again.")


def main(path: str, tasks: list[str]) -> None:
    metric = PlainCodeEval()
    evaluate.load = lambda *_, **__: metric
    samples = [decode_sample(line) for line in Path(path).read_bytes().splitlines()]
    limit = max(one.doc_id for one in samples) + 1
    assert {one.task for one in samples} >= set(tasks), "there is no answer for some task"
    found: Any = simple_evaluate(
        Recorded(samples), tasks=tasks, limit=limit, log_samples=True, confirm_run_unsafe_code=True
    )
    told = {}
    for task in tasks:
        items = {one["doc_id"]: {name: float(one[name]) for name in one["metrics"]} for one in found["samples"][task]}
        row = {key: value for key, value in found["results"][task].items() if isinstance(value, float)}
        told[task] = {"table": row, "items": items}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
