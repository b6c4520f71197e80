"""All that a reader needs to repeat a run is told with it."""

from pathlib import Path

import pytest

from evaluator.engines.provenance import yaml_digest
from tests.evaluator.slow_runs import CHAT, Runs, few

pytestmark = [pytest.mark.slow, pytest.mark.engine]
TOLD = {
    *("model", "revision", "tokenizer_sha", "chat_template_sha", "chat_template_applied", "datasets"),
    *("dataset_digests", "task_yaml_sha", "task_versions", "task_hashes", "versions", "python", "hardware", "dtype"),
    *("seeds", "generation", "recommended_sampling", "engine", "path", "engine_arguments", "plan", "max_length"),
    *("batch_invariant", "requests", "replay", "seconds", "tokens"),
}
PACKAGES = {"lm_eval", "vllm", "torch", "transformers", "datasets"}


def test_everything_that_decides_a_score_is_told(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    told = runs.go(settings=CHAT).provenance
    assert told.keys() >= TOLD
    tasks = {task.task for task in few().tasks}
    assert tasks == told["task_yaml_sha"].keys() == told["task_versions"].keys() == told["dataset_digests"].keys()
    assert all(digest.startswith("files ") for digest in told["dataset_digests"].values())
    assert told["chat_template_applied"] is True and len(told["chat_template_sha"]) == 64
    assert told["generation"]["starter_arithmetic"].startswith('{"do_sample":false,"max_gen_toks":5,')
    assert told["versions"].keys() == PACKAGES
    assert told["seconds"].keys() == {"preparing", "loading", "evaluating", "writing"}
    assert told["tokens"]["input"] > 0 and told["tokens"]["output"] > 0

    elsewhere = Runs(tmp_path / "elsewhere").go(settings=CHAT).provenance
    assert elsewhere["task_yaml_sha"] == told["task_yaml_sha"], "the folder of a run is no part of a task"


def test_a_tasks_digest_is_of_what_it_says() -> None:
    task = {"task": "a", "doc_to_text": "{{q}}", "dataset_kwargs": {"data_files": {"test": ["/one/a.jsonl"]}}}
    moved = {**task, "dataset_kwargs": {"data_files": {"test": ["/two/b/a.jsonl"]}}}
    assert yaml_digest(task) == yaml_digest(dict(reversed(moved.items())))
    assert yaml_digest(task) != yaml_digest({**task, "doc_to_text": "{{q}} "})
    assert yaml_digest({"f": "<function f at 0x7f01>"}) == yaml_digest({"f": "<function f at 0x8e02>"})
    assert yaml_digest({"n": 1, "none": None}) != yaml_digest({"n": True, "none": None})
