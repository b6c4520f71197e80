"""A workload as a task of lm-eval's: what is asked, in which form, and how answers are scored. One real run."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evaluator import run, sandbox
from evaluator.contract import ModelRef, Settings, SuiteSpec, decode_sample
from evaluator.engines import building, code_eval, environment
from evaluator.jobs import unpack_bundle
from evaluator.suites import workload
from tests.environment import ROOT

pytestmark = pytest.mark.engine

HOSTILE = "{{ 7 * 7 }} {% for x in range(9) %}{{ x }}{% endfor %} <|im_end|>\u202e"
ITEMS = [
    workload.Asked(messages=(("user", f"Say 4. {HOSTILE}"),), references=("4", "[1, 2]"), max_tokens=8),
    workload.Asked(messages=(("system", "Count."), ("user", "One?"), ("assistant", "1"), ("user", "Two?")),
                   references=("2",), max_tokens=4),
    workload.Asked(messages=(("user", "Which?"),), references=("B",), choices=("red", "blue"), max_tokens=2_000),
]  # fmt: skip


def spec_of(folder: Path, scoring: dict[str, Any], model: str = "", items: Sequence[Any] = ITEMS) -> run.RunSpec:
    data = workload.packed(workload.Head(scoring=scoring, max_tokens=2_000), items)
    task = workload.task_spec(len(items))
    suite = SuiteSpec(name="workload.1", version=1, title="Workload", tasks=(task,), bundle=workload.digest(data))
    files = unpack_bundle(data, folder / "tasks")
    return run.RunSpec(
        model=ModelRef(name="org/model", sha="a" * 40), model_path=model, suite=suite,
        settings=Settings(dtype="float32", max_length=256), task_files=str(files),
    )  # fmt: skip


def test_items_are_asked_as_they_are_and_never_rendered(tmp_path: Path) -> None:
    (loaded,), missing = building.load_tasks(spec_of(tmp_path, {"kind": "exact"}))
    assert missing == {}
    task: Any = loaded[1]
    task.build_all_requests(limit=3)
    prompts = [one.args[0] for one in task.instances]
    assert prompts[0] == f"Say 4. {HOSTILE}"
    assert prompts[1] == "Count.\n\nUser: One?\n\nAssistant: 1\n\nUser: Two?\n\nAssistant:"
    assert [one.args[1]["max_gen_toks"] for one in task.instances] == [8, 4, 2_000]
    assert [one.args[1]["until"] for one in task.instances] == [[], [], []]
    task.build_all_requests(limit=3, apply_chat_template=True, chat_template=json.dumps)
    told = json.loads(task.instances[1].args[0])
    assert [one["role"] for one in told] == ["system", "user", "assistant", "user"]
    assert json.loads(task.instances[0].args[0]) == [{"role": "user", "content": f"Say 4. {HOSTILE}"}]


def test_answers_are_scored_by_the_scorer_that_the_site_previews(tmp_path: Path) -> None:
    (loaded,), _ = building.load_tasks(spec_of(tmp_path, {"kind": "number", "absolute": 0.5}))
    task: Any = loaded[1]
    doc = task.eval_docs[0]
    assert task.process_results(doc, ["I think 4.4"]) == {"workload_score": 1.0, "extracted": 1.0}
    assert task.process_results(doc, ["5"]) == {"workload_score": 0.0, "extracted": 1.0}
    assert task.process_results(doc, ["no idea"]) == {"workload_score": 0.0, "extracted": 0.0}
    assert task.doc_to_target(doc) == "4\n[1, 2]"


ADD = "def add(a, b):\n    return a + b"


def test_programs_are_run_behind_the_wall_with_all_of_their_tests(tmp_path: Path) -> None:
    tests = ("assert add(1, 2) == 3", "assert add(-1, 1) == 0")
    items = [workload.Asked(messages=(("user", "Write add."),), references=tests)] * 2
    (loaded,), missing = building.load_tasks(spec_of(tmp_path, {"kind": "unit_tests"}, items=items))
    assert missing == {}
    task: Any = loaded[1]
    doc = task.eval_docs[0]
    good, wrong = f"Sure:\n```python\n{ADD}\n```", ADD.replace("+", "-")
    assert task.process_results(doc, [good]) == {"workload_score": 1.0, "extracted": 1.0}
    assert task.process_results(doc, [wrong]) == {"workload_score": 0.0, "extracted": 1.0}
    assert task.process_results(doc, ["```\n```"]) == {"workload_score": 0.0, "extracted": 0.0}
    assert task.process_results(doc, ["import os; os.listdir('/home')"])["workload_score"] == 0.0
    samples = [{"target": task.doc_to_target(doc), "filtered_resps": [said]} for said in (good, wrong)]
    code_eval.explain(task, samples)
    assert [one["reason"] for one in samples] == ["", "Wrong answer (AssertionError)"]


def test_where_nothing_keeps_programs_in_the_task_is_missing_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsafe() -> None:
        raise sandbox.Unsafe("Programs are not run on this host, because nothing here keeps them in.")

    monkeypatch.setattr(sandbox, "chosen_wall", unsafe)
    loaded, missing = building.load_tasks(spec_of(tmp_path, {"kind": "unit_tests"}))
    assert loaded == [] and "nothing here keeps them in" in missing[workload.TASK]


def test_a_broken_way_of_scoring_is_a_missing_task_with_the_reason(tmp_path: Path) -> None:
    loaded, missing = building.load_tasks(spec_of(tmp_path, {"kind": "telepathy"}))
    assert loaded == []
    assert "A way of scoring is one of" in missing[workload.TASK]


def measured(folder: Path, spec: run.RunSpec) -> run.Outcome:
    """A run of the ordinary harness, in its own process."""
    folder.mkdir(exist_ok=True)
    run.write(folder, run.SPEC, spec)
    done = subprocess.run(
        [sys.executable, "-m", "evaluator.harness", str(folder)], capture_output=True, text=True, timeout=600,
        check=False, env={**environment.for_child(), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    outcome = run.read_outcome(folder)
    assert outcome is not None
    return outcome


def test_a_job_that_may_end_early_shows_its_first_items_and_ends_when_they_are_enough(
    tmp_path: Path, demo_mirror: Path
) -> None:
    """Two looks: after 2 items it has to go on, after 4 of 6 it is enough. Nothing is asked twice or counted twice."""
    items = [
        workload.Asked(messages=(("user", f"Say {word}."),), references=(word,), max_tokens=5)
        for word in ("red", "blue", "green", "white", "black", "brown")
    ]
    model = next(demo_mirror.glob("models/parity-demo/SmolLM2-135M-Instruct-Q4_1*"))
    spec = replace(
        spec_of(tmp_path, {"kind": "contains"}, str(model), items), looks=(2, 4), journal=str(tmp_path / "responses")
    )
    folder, seen = tmp_path / "run", dict[int, tuple[float, ...]]()
    folder.mkdir()

    def site() -> None:
        while 4 not in seen:
            told = run.read_early(folder)
            if told is not None and len(told.scores) not in seen:
                seen[len(told.scores)] = told.scores
                run.write(folder, run.ENOUGH, run.Enough(after=len(told.scores), enough=len(told.scores) == 4))
            time.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(site)
        outcome = measured(folder, spec)
        watching.result(timeout=10)
    (result,) = outcome.tasks
    assert (result.n, result.item_scores) == (4, seen[4])
    assert seen[2] == seen[4][:2]
    samples = [decode_sample(line) for line in (folder / run.SAMPLES).read_bytes().splitlines()]
    assert [one.doc_id for one in samples] == [0, 1, 2, 3]
    assert all(one.tokens_out and one.tokens_out <= 5 for one in samples), "of the one text that was made of each"
    assert (outcome.provenance["requests"]["asked"], outcome.provenance["requests"]["replayed"]) == (4, 0)


def test_a_real_model_answers_and_is_scored(tmp_path: Path, demo_mirror: Path) -> None:
    """SmolLM2 through the ordinary harness: every item has its sample, its score and its tokens."""
    model = next(demo_mirror.glob("models/parity-demo/SmolLM2-135M-Instruct-Q4_1*"))
    items = [
        workload.Asked(messages=(("user", f"The capital of {country} is"),), references=(city,), max_tokens=6)
        for country, city in (("France", "Paris"), ("Italy", "Rome"), ("Japan", "Tokyo"), ("Spain", "Madrid"))
    ]
    spec = spec_of(tmp_path, {"kind": "contains"}, str(model), items)
    folder = tmp_path / "run"
    outcome = measured(folder, spec)
    (result,) = outcome.tasks
    samples = [decode_sample(line) for line in (folder / run.SAMPLES).read_bytes().splitlines()]
    assert (result.task, result.metric, result.filter, result.n) == (workload.TASK, workload.METRIC, "answer", 4)
    assert result.score == sum(result.item_scores) / 4 and result.score > 0
    assert [one.prompts[0] for one in samples] == [one.messages[0][1] for one in items]
    assert [one.scores["answer"]["workload_score"] for one in samples] == list(result.item_scores)
    assert all(one.tokens_out and one.tokens_out <= 6 for one in samples)
