"""lm-eval's own HumanEval and MBPP tasks with our metric: what they load, what they ask, what they get."""

from pathlib import Path

import evaluate
import pytest
from lm_eval.tasks import TaskManager

from evaluator import sandbox
from evaluator.engines import code_eval

pytestmark = pytest.mark.engine

ADD = "assert add(2, 3) == 5"


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> code_eval.CodeEval:
    monkeypatch.setattr(evaluate, "load", evaluate.load)
    code_eval.install()
    return evaluate.load("code_eval")


def test_it_answers_as_the_library_does(metric: code_eval.CodeEval) -> None:
    right, wrong = "def add(a, b): return a + b", "def add(a, b): return a * b"
    means, details = metric.compute(references=[ADD, ADD], predictions=[[right, wrong], [wrong, wrong]], k=[1, 2, 3])
    assert means == {"pass@1": 0.25, "pass@2": 0.5}
    assert [(answer, one["passed"], one["result"]) for answer, one in details[0]] == [
        (0, True, "passed"),
        (1, False, "failed: AssertionError"),
    ]
    assert [one["task_id"] for problem in details.values() for _, one in problem] == [0, 0, 1, 1]


def test_no_other_metric_is_fetched(metric: code_eval.CodeEval) -> None:
    with pytest.raises(ValueError, match="'rouge' would be downloaded"):
        evaluate.load("rouge")


def test_a_host_without_walls_refuses_the_task(metric: code_eval.CodeEval, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise sandbox.Unsafe("Programs are not run on this host.")

    monkeypatch.setattr(sandbox, "chosen_wall", none)
    with pytest.raises(sandbox.Unsafe, match="not run on this host"):
        evaluate.load("code_eval")


def test_each_failure_is_explained(
    metric: code_eval.CodeEval, shared_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As lm-eval keeps its samples: one program, several, and tasks that run none."""
    monkeypatch.chdir(shared_hub / "datasets")
    task = TaskManager().load(["mbpp"])["tasks"]["mbpp"]
    right, wrong, broken = "def add(a, b): return a + b", "def add(a, b): return a * b", "def add(a, b:"
    metric.compute(references=[ADD], predictions=[[right, wrong, broken]], k=[1])
    lists: list[list[object]] = [[right], [wrong], [broken], [[right, wrong, wrong, broken]]]
    samples = [{"target": ADD, "filtered_resps": answers} for answers in lists]
    code_eval.explain(task, samples)
    said = [str(one["reason"]) for one in samples]
    assert said[:2] == ["", "Wrong answer (AssertionError)"]
    assert said[2].startswith("Not a program (SyntaxError: ")
    assert said[3].startswith("2 of 4: Wrong answer (AssertionError) 1 of 4: Not a program (SyntaxError: ")
    untouched: dict[str, object] = {"target": ADD, "filtered_resps": [wrong]}
    code_eval.explain(object(), [untouched])
    assert "reason" not in untouched


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("humaneval", lambda doc: doc["canonical_solution"]),
        ("humaneval_instruct", lambda doc: doc["canonical_solution"] + "```\nThat is all."),
        ("mbpp", lambda doc: doc["code"]),
        ("mbpp_instruct", lambda doc: f"python\n{doc['code']}\n```"),
    ],
)
def test_lm_evals_tasks_are_judged_at_once(
    metric: code_eval.CodeEval, monkeypatch: pytest.MonkeyPatch, shared_hub: Path, name: str, right: object
) -> None:
    """The right answer to every second item: each program runs once, all before lm-eval asks for the first."""
    monkeypatch.chdir(shared_hub / "datasets")
    task = TaskManager().load([name])["tasks"][name]
    code_eval.judge_at_once(task)
    task.build_all_requests(limit=4)
    for place, instance in enumerate(task.instances):
        instance.resps = [right(instance.doc) if place % 2 == 0 else "    return 'planted'\n"]
    task.apply_filters()
    asked: list[list[str]] = []
    monkeypatch.setattr(sandbox, "run_all", lambda programs, **_: asked.append(list(programs)) or [])
    for key in task.instances[0].filtered_resps:
        scores = [task.process_results(one.doc, [one.filtered_resps[key]]) for one in task.instances]
        assert [next(iter(score.values())) for score in scores] == [1.0, 0.0, 1.0, 0.0], key
    assert [one for one in asked if one] == []
