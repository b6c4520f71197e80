"""lm-eval's tasks in forms that its own files do not have, written as YAML files for one run.

    gpqa_diamond_cot_long, minerva_math500_long    lm-eval's tasks, whose answers may have `ANSWER_TOKENS` tokens: where
                                                   a task names no limit, lm-eval cuts after 256, amid the reasoning
    ruler_4096, ruler_8192 ...                     a group: the parts of RULER that need no download, at one length

Each includes lm-eval's own file and changes what is said here. The names are theirs alone: nothing happens to
`minerva_math500` or `niah_single_1`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lm_eval.tasks
import yaml
from lm_eval.api.task import Task

from evaluator.contract import TaskSpec

STOCK = Path(lm_eval.tasks.__file__).parent
ANSWER_TOKENS = 32_768
"""As lm-eval's AIME tasks have it."""
LONG = {
    "gpqa_diamond_cot_long": (
        "gpqa/cot_zeroshot/gpqa_diamond_cot_zeroshot.yaml",
        {"until": ["</s>"], "do_sample": False, "temperature": 0.0},
    ),
    "minerva_math500_long": (
        "minerva_math/minerva_math500.yaml",
        {"until": ["Problem:"], "do_sample": False, "temperature": 0.0},
    ),
}
"""Name -> lm-eval's file, and its generation arguments, to which the room is added."""

RULER = {
    "niah_single_1": "niah_single_1.yaml",
    "niah_multikey_2": "niah_multikey_2.yaml",
    "niah_multikey_3": "niah_multikey_3.yaml",
    "ruler_vt": "vt.yaml",
    "ruler_cwe": "cwe.yaml",
    "ruler_fwe": "fwe.yaml",
}
"""The parts that make their own items. The others hide needles in essays, or ask about articles, which lm-eval
fetches."""
RULER_NAME = re.compile(r"ruler_([1-9][0-9]{2,7})")
RULER_ITEMS = 500
"""Of each part, as lm-eval makes them, where the suite asks for no fewer."""


def write(folder: Path, tasks: Iterable[TaskSpec], model_path: str) -> Path:
    """Write the files of those `tasks` that are ours into `folder`; returns it. `model_path`: whose tokenizer measures
    RULER's lengths."""
    folder.mkdir(exist_ok=True)
    for task in tasks:
        for name, content in files_of(task, model_path).items():
            (folder / f"{name}.yaml").write_text(content)
    return folder


def files_of(task: TaskSpec, model_path: str) -> dict[str, str]:
    """Task name -> its YAML; none for a task that is not ours."""
    if task.task in LONG:
        stock, arguments = LONG[task.task]
        generation = {**arguments, "max_gen_toks": ANSWER_TOKENS}
        return {task.task: dumped(task.task, stock, {"generation_kwargs": generation})}
    length = ruler_length(task.task)
    if length is None:
        return {}
    parts = {f"{part}_{length}": (part, stock) for part, stock in RULER.items()}
    items = min(task.limit or RULER_ITEMS, RULER_ITEMS)
    files = {
        name: ruler_part(name, part, stock, {"length": length, "items": items, "tokenizer": model_path})
        for name, (part, stock) in parts.items()
    }
    mean = {"metric": str(length), "aggregation": "mean", "weight_by_size": False}
    group = {"group": task.task, "task": list(parts), "aggregate_metric_list": [mean], "metadata": {"version": 1.0}}
    return {**files, task.task: yaml.safe_dump(group, sort_keys=False)}


def ruler_part(name: str, part: str, stock: str, how: dict[str, Any]) -> str:
    """One part of RULER at one length. Only this length has a score: lm-eval writes -1 for the others, and then takes
    no mean, so that there would be no standard error."""
    changes = {
        "metric_list": [{"metric": str(how["length"]), "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0, "part": part, **how},
    }
    functions = (
        "custom_dataset: !function evaluator.engines.ruler_items.items\n"
        "process_results: !function evaluator.engines.ruler_items.judged\n"
    )
    return dumped(name, f"ruler/{stock}", changes) + functions


def dumped(name: str, stock: str, changes: dict[str, Any]) -> str:
    return yaml.safe_dump({"task": name, "include": str(STOCK / stock), **changes}, sort_keys=False)


def ruler_length(task: str) -> int | None:
    """The length in tokens that a task measures RULER at, None for any other task."""
    found = RULER_NAME.fullmatch(task)
    return int(found[1]) if found else None


def too_long(task: str, window: int | None) -> str:
    """Why a model with this window (tokens, None: unknown) cannot do a task, "" where it can."""
    length = ruler_length(task)
    if length is None or window is None or length <= window:
        return ""
    return f"It asks about texts of {length:,} tokens; the model's window is {window:,} here."


def fit(task: Task, window: int | None) -> None:
    """Let a task ask for no longer answers than the model's window holds beside a prompt: half of it at most.

    lm-eval would cut the prompt to nothing, and end.
    """
    arguments = dict(task.get_config("generation_kwargs") or {})
    if window is not None and int(arguments.get("max_gen_toks") or 0) > window // 2:
        task.set_config(key="generation_kwargs", value={**arguments, "max_gen_toks": window // 2})
