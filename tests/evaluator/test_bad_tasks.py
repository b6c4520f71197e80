"""Tasks whose code fails on a document, a tokenizer without template: a clear end, and what was done is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator import run
from evaluator.contract import ModelRef, Settings, SuiteSpec, TaskSpec, decode_sample
from tests.environment import ROOT

pytestmark = pytest.mark.slow

TASK = """
task: NAME
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/data.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "TEXT"
doc_to_target: "TARGET"
generation_kwargs: {until: ["\\n"], max_gen_toks: 5}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
GOOD = "{{n}}"
BAD = "{{1 // n}}"
"""Of the third document, with n = 0, there is none."""


def evaluated(folder: Path, tasks: dict[str, tuple[str, str]], settings: Settings | None = None) -> int:
    """The exit status of a run of the slow engine on tasks with these texts and targets."""
    (folder / "model").mkdir()
    (folder / "model" / "delay").write_text("0")
    (folder / "tasks").mkdir()
    (folder / "tasks" / "data.jsonl").write_text('{"n": 1}\n{"n": 2}\n{"n": 0}\n{"n": 3}\n')
    for name, (text, target) in tasks.items():
        body = TASK.replace("NAME", name).replace("FOLDER", str(folder / "tasks"))
        (folder / "tasks" / f"{name}.yaml").write_text(body.replace("TEXT", text).replace("TARGET", target))
    named = tuple(TaskSpec(task=name, title=name, metric="exact_match") for name in tasks)
    spec = run.RunSpec(
        model=ModelRef(name="o/m", sha="a" * 40), model_path=str(folder / "model"),
        suite=SuiteSpec(name="odd", version=1, title="Odd", tasks=named),
        settings=settings or Settings(engine="transformers"), task_files=str(folder / "tasks"),
    )  # fmt: skip
    run.write(folder, run.SPEC, spec)
    with (folder / run.LOG).open("wb") as log:
        command = [sys.executable, "-m", "tests.evaluator.slow_engine", str(folder)]
        variables = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
        return subprocess.run(command, cwd=ROOT, env=variables, stdout=log, stderr=log, check=False).returncode


def test_one_document_costs_its_task_and_no_other(tmp_path: Path) -> None:
    tasks = {"odd_good": (GOOD, GOOD), "odd_prompt": (BAD, GOOD), "odd_target": (GOOD, BAD)}
    assert evaluated(tmp_path, tasks) == 0, run.log_tail(tmp_path, limit=3000)
    outcome = run.read_outcome(tmp_path)
    assert outcome is not None
    good, prompt, target = outcome.tasks
    assert (good.task, good.n, good.unavailable) == ("odd_good", 4, "")
    assert prompt.score is target.score is None
    assert prompt.unavailable.startswith("Its prompts could not be made: ZeroDivisionError")
    assert target.unavailable.startswith("The target of a document could not be made: ZeroDivisionError")
    kept = [decode_sample(line).task for line in (tmp_path / run.SAMPLES).read_bytes().splitlines()]
    assert kept == ["odd_good"] * 4 + ["odd_target"] * 4, "what was answered is kept"


def test_where_nothing_can_be_asked_the_run_ends_with_the_reason(tmp_path: Path) -> None:
    assert evaluated(tmp_path, {"odd_prompt": (BAD, GOOD)}) == 3, run.log_tail(tmp_path, limit=3000)
    failure = run.read_failure(tmp_path)
    assert failure is not None and failure.code == "no_task_measured"
    assert "ZeroDivisionError" in failure.message


def test_a_chat_run_of_a_tokenizer_without_template_ends_before_it_begins(tmp_path: Path) -> None:
    chat = Settings(engine="transformers", apply_chat_template=True)
    assert evaluated(tmp_path, {"odd_good": (GOOD, GOOD)}, chat) == 3, run.log_tail(tmp_path, limit=3000)
    failure = run.read_failure(tmp_path)
    assert failure is not None
    assert (failure.code, failure.message) == (
        "no_chat_template", "The tokenizer of o/m has no chat template; run it without.",
    )  # fmt: skip
    assert not (tmp_path / "model" / ".asked").exists()
