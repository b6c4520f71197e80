"""One way of asking a model, for `make bench-engine`: python -m tests.benchmarks.engine_child ASKED.json

ASKED.json: `way` (ours, stock, transformers or hf), `model` (a folder), `tasks` (name, few-shot examples, items),
`repeats`. The last line of stdout is JSON: by task the seconds that the model took (engine load and scoring left out),
each metric, each request's answer; the rate of prefill; the peak of memory in MB.
"""

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.api.group import Group
from lm_eval.models.huggingface import HFLM
from lm_eval.models.vllm_causallms import VLLM
from lm_eval.tasks import TaskManager
from vllm import SamplingParams

from evaluator.contract import Settings
from evaluator.engines import templates, transformers
from evaluator.engines import vllm as ours
from evaluator.engines.building import SEEDS, leaves
from evaluator.journal import Journal
from tests.prefix_tree import tree_size

PREFILL_TOKENS = 8_000
METHODS = ("loglikelihood", "loglikelihood_rolling", "generate_until")


class Timed:
    """Seconds inside the model's methods, and what was asked and answered there."""

    def __init__(self, model: Any) -> None:
        self.seconds, self.answers, self.pairs = 0.0, {}, []
        for name in METHODS:
            setattr(model, name, self._timed(getattr(model, name)))
        asked = model._loglikelihood_tokens

        def heard(requests: Any, *args: Any, **kwargs: Any) -> Any:
            self.pairs += [(tuple(context), tuple(rest)) for _, context, rest in requests]
            return asked(requests, *args, **kwargs)

        model._loglikelihood_tokens = heard

    def _timed(self, call: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def timed(requests: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
            started = time.monotonic()
            found = call(requests, *args, **kwargs)
            self.seconds += time.monotonic() - started
            for request, answer in zip(requests, found, strict=True):
                self.answers[f"{request.task_name} {request.doc_id} {request.idx}"] = answer
            return found

        return timed

    def reset(self) -> None:
        self.seconds, self.answers, self.pairs = 0.0, {}, []


def loaded(way: str, model: str, batch: int) -> Any:
    if way == "ours":
        return ours.load(model, Settings(dtype="float32"), report=lambda _: None)
    if way == "stock":
        return VLLM(pretrained=model, dtype="float32", batch_size="auto", enforce_eager=True, disable_log_stats=True)
    if way == "transformers":
        return transformers.load(model, Settings(engine="transformers", dtype="float32"), report=lambda _: None)
    return HFLM(pretrained=model, dtype="float32", batch_size=batch, device="cpu")


def measure(model: Any, timed: Timed, task: dict[str, Any], items: int) -> dict[str, Any]:
    """One call of lm-eval over one task or several that belong together."""
    manager = TaskManager()
    entries = []
    for name in task["tasks"]:
        found = manager.load([name])
        entry = found["groups"].get(name) or found["tasks"][name]
        for leaf in leaves(entry) if isinstance(entry, Group) else [entry]:
            if leaf.get_config("num_fewshot") != 0:
                leaf.set_config(key="num_fewshot", value=task["num_fewshot"])
        entries.append(entry)
    timed.reset()
    result = simple_evaluate(model=model, tasks=entries, limit=items, log_samples=False, bootstrap_iters=0, **SEEDS)
    assert result is not None
    metrics = {
        name: {key: value for key, value in row.items() if "," in key and isinstance(value, int | float)}
        for name, row in result["results"].items()
    }
    return {"seconds": timed.seconds, "metrics": metrics, "answers": timed.answers}


def prefill_rate(model: Any, length: int) -> float:
    """Tokens a second of prompts that share nothing, as long as the task's own."""
    draw = random.Random(length)
    prompts = [[draw.randrange(1000, 40_000) for _ in range(length)] for _ in range(max(4, PREFILL_TOKENS // length))]

    started = time.monotonic()
    model.model.generate(
        ours.prompts_of(prompts), SamplingParams(temperature=0, max_tokens=1, detokenize=False), use_tqdm=False
    )
    return sum(map(len, prompts)) / (time.monotonic() - started)


def forget(model: Any, folder: Path) -> None:
    """A fresh journal and an empty prefix cache: every repeat computes everything."""
    if model.journal is not None:
        model.journal.close()
        model.journal.path.unlink()
    model.journal = Journal(folder, {})
    model.model.reset_prefix_cache()


def best_batch(model: Any, timed: Timed, tasks: list[dict[str, Any]], batches: list[int]) -> int:
    """The batch size that is fastest on two items of each task."""
    took = {}
    for batch in batches:
        model.batch_size_per_gpu = batch
        took[batch] = sum(measure(model, timed, task, 2)["seconds"] for task in tasks)
    return min(took, key=took.__getitem__)


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    templates.install()
    way, tasks = asked["way"], asked["tasks"]
    model = loaded(way, asked["model"], 8)
    timed = Timed(model)
    found: dict[str, Any] = {"tasks": {}}
    if way == "hf":
        found["batch"] = model.batch_size_per_gpu = best_batch(model, timed, tasks, asked["batches"])
    with tempfile.TemporaryDirectory() as name:
        for task in tasks:
            runs = []
            for _ in range(asked["repeats"]):
                if way == "ours":
                    forget(model, Path(name))
                    before = dict(model.path_facts().get("scoring_tokens", {}))
                runs.append(measure(model, timed, task, task["items"]))
            told = {**runs[-1], "seconds": sorted(run["seconds"] for run in runs)}
            if way == "ours":
                work = model.path_facts().get("scoring_tokens", {})
                told["work"] = {key: work[key] - before[key] for key in work}
                told["tree"] = tree_size((*context, *rest) for context, rest in timed.pairs)
                lengths = [len(context) + len(rest) for context, rest in timed.pairs]
                told["prefill"] = prefill_rate(model, min(sum(lengths) // len(lengths), 1500)) if lengths else None
            found["tasks"][task["name"]] = told
            print(task["name"], told["seconds"], file=sys.stderr, flush=True)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(found))


if __name__ == "__main__":
    main()
