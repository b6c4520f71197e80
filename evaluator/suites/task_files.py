"""What a suite's own task files may say: plain YAML and JSONL that cannot run code or read outside their folder.

lm-eval imports what `!function` names, loads code from the Hub for metrics it does not know, and follows `include` and
`dataset_path` anywhere. So everything is refused that is not listed here. This file sees names and bytes, no folders.
Not covered: Jinja in `doc_to_text` and the like. Reading a template does not tell whether it is harmless: what renders
it must use Jinja's sandbox.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

FIELDS = frozenset(
    {
        "dataset_kwargs", "dataset_path", "description", "doc_to_choice", "doc_to_decontamination_query",
        "doc_to_target", "doc_to_text", "fewshot_config", "fewshot_delimiter", "fewshot_split", "filter_list",
        "gen_prefix", "generation_kwargs", "metadata", "metric_list", "num_fewshot", "output_type", "repeats",
        "should_decontaminate", "target_delimiter", "task", "task_alias", "test_split", "training_split",
        "validation_split",
    }
)  # fmt: skip
METRICS = frozenset(
    {
        "acc", "acc_bytes", "acc_mutual_info", "acc_norm", "bits_per_byte", "bleu", "brier_score", "byte_perplexity",
        "chrf", "exact_match", "f1", "mcc", "perplexity", "ter", "word_perplexity",
    }
)  # fmt: skip
"""Those that lm-eval computes itself; any other name would be looked up on the Hub, or on disk, and run."""

WORKLOAD = "workload.jsonl"
"""Alone in an archive, the items of a workload: data, whose task is ours (`evaluator.suites.workload`)."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
_TASK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.()-]*")


class SuiteError(ValueError):
    """A suite, its task files or its archive cannot be used; the message names the file, the field and the remedy."""


def parse(name: str, data: bytes) -> Any:
    """YAML without tags and aliases; raises SuiteError with the line."""
    try:
        for token in yaml.scan(data):
            line = token.start_mark.line + 1
            if isinstance(token, yaml.TagToken):
                tag = "".join(part or "" for part in token.value)
                raise SuiteError(f"{name}, line {line}: the tag {tag} is not allowed. Use plain values and Jinja.")
            if isinstance(token, yaml.AliasToken):
                raise SuiteError(f"{name}, line {line}: *{token.value} is not allowed. Write the value out.")
        return yaml.safe_load(data)
    except SuiteError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SuiteError(f"{name}: this is not valid YAML: {error}") from error


def check_path(name: str) -> None:
    """Refuse a file name that could lead out of its folder or is neither YAML nor JSONL."""
    path = PurePosixPath(name)
    if str(path) != name or not all(_NAME.fullmatch(part) for part in path.parts):
        raise SuiteError(
            f"{name!r} is not allowed as a file name. Use a relative path of letters, digits, '_', '.', '@', '+', '-'."
        )
    if path.suffix not in {".yaml", ".jsonl"}:
        raise SuiteError(f"{name}: only .yaml and .jsonl files belong to a suite's task files. Remove it.")


def check_task_name(where: str, task: object) -> str:
    """lm-eval would open a name with a slash, or one that ends in .yaml, as a file."""
    if not isinstance(task, str) or not _TASK_NAME.fullmatch(task) or task.endswith(".yaml"):
        raise SuiteError(
            f"{where}: {task!r} is not a task name. Use letters, digits, '_', '-', '.' and parentheses, no path."
        )
    return task


def check(files: Mapping[str, bytes]) -> dict[str, str]:
    """The files (relative path to content) of one suite; returns task name to YAML file, or raises SuiteError."""
    tasks: dict[str, str] = {}
    for name, data in sorted(files.items()):
        check_path(name)
        if name.endswith(".jsonl"):
            _check_items(name, data)
            continue
        task = _check_task(name, parse(name, data), files)
        if task in tasks:
            raise SuiteError(f"{name}: task {task} is already in {tasks[task]}. Give it another name.")
        tasks[task] = name
    if not tasks and set(files) != {WORKLOAD}:
        raise SuiteError("There is no task file (.yaml) in the suite's folder. Add one for each task.")
    return tasks


def data_files(name: str, value: Any) -> Iterator[tuple[str | None, str]]:
    """Split (None where none is named) and path within the suite's folder of each file in `data_files` of YAML `name`.

    Paths are relative to the YAML file.
    """
    splits = value if isinstance(value, dict) else {None: value}
    for split, paths in splits.items():
        for path in paths if isinstance(paths, list) else [paths]:
            if not isinstance(path, str):
                raise SuiteError(f"{name}: data_files holds {path!r}. Name a .jsonl file beside it.")
            yield split, str(PurePosixPath(name).parent / path)


def _check_task(name: str, task: Any, files: Mapping[str, bytes]) -> str:
    if not isinstance(task, dict):
        raise SuiteError(f"{name}: a task file is a mapping that begins with `task: NAME`.")
    for field in task:
        if field not in FIELDS:
            raise SuiteError(f"{name}: the field {field!r} is not allowed. Known fields: {', '.join(sorted(FIELDS))}.")
    if task.get("dataset_path") != "json":
        raise SuiteError(f"{name}: dataset_path is {task.get('dataset_path')!r}. Only `dataset_path: json` is allowed.")
    options = task.get("dataset_kwargs")
    if not isinstance(options, dict) or set(options) != {"data_files"}:
        raise SuiteError(f"{name}: dataset_kwargs must hold data_files and nothing else.")
    listed = list(data_files(name, options["data_files"]))
    for _, path in listed:
        if path not in files or not path.endswith(".jsonl"):
            raise SuiteError(f"{name}: data_files names {path!r}, no .jsonl file of this suite. Put it beside.")
    if not listed:
        raise SuiteError(f"{name}: data_files is empty. Name a .jsonl file for each split.")
    _check_metrics(name, task.get("metric_list"))
    return check_task_name(name, task.get("task"))


def _check_metrics(name: str, metrics: Any) -> None:
    if not isinstance(metrics, list) or not metrics or not all(isinstance(metric, dict) for metric in metrics):
        raise SuiteError(f"{name}: metric_list must be a list of mappings such as `metric: acc`.")
    for metric in metrics:
        if metric.get("metric") not in METRICS or "hf_evaluate" in metric:
            raise SuiteError(
                f"{name}: metric_list asks for {metric.get('metric')!r}. "
                f"Use one that lm-eval computes itself: {', '.join(sorted(METRICS))}."
            )


def _check_items(name: str, data: bytes) -> None:
    lines = data.splitlines()
    if not lines:
        raise SuiteError(f"{name}: the file is empty. Give it one JSON object a line.")
    for number, line in enumerate(lines, start=1):
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SuiteError(f"{name}, line {number}: this is not JSON: {error}. Give one object a line.") from error
        if not isinstance(item, dict):
            raise SuiteError(f"{name}, line {number}: this is no JSON object. Give one object a line.")
