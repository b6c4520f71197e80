import json
from pathlib import Path
from typing import Any

import pytest

from evaluator.contract import SuiteSpec, TaskSpec, item_hash
from leaderboard.imports.evaluations import SourceError
from leaderboard.imports.lm_eval_results import by_suite, fitting, items_of, misfit, suite_of, target_of
from leaderboard.imports.lm_eval_runs import Run, find, read
from tests.conftest import suite_spec
from tests.leaderboard.imports.runs import LEAVES, new_run, old_run, results, scores

REAL = Path(__file__).parent / "lm_eval_0_4_13"


@pytest.fixture(params=["0.4.0", "0.4.13"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return read(old_run(tmp_path) if request.param == "0.4.0" else new_run(tmp_path))


def test_both_forms_say_the_same(run: Run) -> None:
    assert (run.model, run.precision, run.settings["engine"]) == ("org/model", "float32", "hf")
    assert run.tops() == ["alpha", "beta"]
    assert {task: run.leaves(task) for task in run.tops()} == LEAVES
    spec = suite_spec()
    assert [misfit(task, run) for task in spec.tasks] == ["", ""]


def test_items_are_those_of_the_suites_filter_in_the_order_of_subtasks(run: Run) -> None:
    alpha, beta = suite_spec().tasks
    found, reason = items_of(alpha, run)
    assert found is not None and reason == ""
    assert found.scores == tuple(scores("alpha"))
    # The index of a choice is a number, as the worker has it; the text "1" of the file is another target.
    assert found.hashes[:32].hex() == item_hash("alpha", {"question": "alpha 0", "answer": 1}, 1)
    found, _ = items_of(beta, run)
    assert found is not None
    assert found.scores == (*scores("beta_one"), *scores("beta_two"))
    assert found.hashes[:32].hex() == item_hash("beta_one", {"question": "beta_one 0", "answer": 1}, "1")


def test_a_run_says_its_revision_and_its_day_or_neither(tmp_path: Path) -> None:
    new, old = read(new_run(tmp_path / "new")), read(old_run(tmp_path / "old"))
    assert (new.sha, str(new.ran_at)) == ("c" * 40, "2025-01-02 03:04:05.500000+00:00")
    assert (old.sha, old.ran_at) == ("", None)


@pytest.mark.parametrize(
    ("config", "name", "sha"),
    [
        ({"model_args": "pretrained=org/a,revision=" + "d" * 40}, "org/a", "d" * 40),
        ({"model_args": {"pretrained": "org/a", "peft": "org/adapter"}}, "org/adapter", ""),
        ({"model_args": "model=gpt-4o"}, "gpt-4o", ""),
        ({"model_args": ""}, "", ""),
        ({"model_args": None, "model_sha": "main"}, "", ""),
    ],
)
def test_the_model_is_what_the_arguments_name(tmp_path: Path, config: dict[str, Any], name: str, sha: str) -> None:
    run = read(new_run(tmp_path, config=config, model_name=None))
    assert (run.model, run.sha) == (name, sha)
    assert read(run.path, name="org/mine").model == "org/mine"


@pytest.mark.parametrize(
    ("changes", "task", "said"),
    [
        ({"n-shot": {"alpha": 5}}, 0, "5 examples were shown, not 0"),
        ({"n-samples": {"alpha": {"original": 100, "effective": 10}}}, 0, "10 items were evaluated, not 100"),
        ({"n-samples": None, "config": {"limit": 10, "model_args": ""}}, 0, "the limit was 10.0, not none"),
        ({"results": {"beta": {"exact_match,loose": 1}}, "groups": None}, 0, "the files do not have it"),
        ({"results": {"alpha": {"acc_norm,none": 1}}}, 0, "it has no acc with filter none, but acc_norm,none"),
        ({"results": {"alpha": {"acc,none": "N/A"}}}, 0, "it has no acc with filter none"),
        ({"n-samples": {"beta_two": {"original": 9, "effective": 4}}}, 1, "4 items were evaluated, not 9"),
    ],
)
def test_what_was_run_otherwise_does_not_fit(tmp_path: Path, changes: dict[str, Any], task: int, said: str) -> None:
    run = read(new_run(tmp_path, **changes))
    wanted = suite_spec().tasks[task]
    asked = TaskSpec(task=wanted.task, title="t", metric=wanted.metric, filter=wanted.filter, num_fewshot=0)
    assert said in misfit(asked, run)


def test_a_limit_is_that_of_the_suite(tmp_path: Path) -> None:
    run = read(new_run(tmp_path, **{"n-samples": {"alpha": {"original": 100, "effective": 10}}}))
    for limit, fits in ((10, True), (11, False), (9, False), (None, False)):
        assert (misfit(TaskSpec(task="alpha", title="A", metric="acc", limit=limit), run) == "") is fits


def test_runs_go_to_the_newest_version_of_the_one_suite_that_fits(tmp_path: Path) -> None:
    runs = [read(new_run(tmp_path))]
    assert fitting([suite_spec(version=2), suite_spec(version=1)], runs)[0] == suite_spec(version=2)
    none, reason = fitting([suite_spec(), suite_spec("other")], runs)
    assert none is None and "several suites (other@1, tiny@1): name one with --suite" in reason
    none, reason = fitting([], runs)
    assert none is None and "They share no task with any suite" in reason


def test_the_nearest_suite_is_named_with_what_differs(tmp_path: Path) -> None:
    run = read(new_run(tmp_path, **{"n-samples": {"alpha": {"original": 9, "effective": 4}}}))
    _, reason = fitting([suite_spec()], [run])
    assert "Nearest is tiny@1, but alpha: 4 items were evaluated, not 9." in reason


def test_a_newer_run_of_a_task_counts_and_an_older_one_fills_in(tmp_path: Path) -> None:
    both = new_run(tmp_path / "a")
    alpha = {"alpha": {"acc,none": 0.75, "acc_stderr,none": 0.1}}
    one = new_run(tmp_path / "b", date="2025-02-02T03-04-05.0", with_samples=False)
    one.write_text(json.dumps(results(results=alpha, groups=None, group_subtasks=None, date=1738465445.0)))
    runs, _ = find([both, one])
    [(suite, source)], skipped = by_suite(runs, [suite_spec()], None)
    assert (suite.slug, skipped) == ("tiny@1", [])
    [found] = source.evaluations
    assert (found.tasks["alpha"]["score"], found.tasks["beta"]["score"]) == (0.75, 0.625)
    assert ("org/model, alpha", "There are no samples, so no scores of single items.") in source.incomplete


def test_samples_of_another_run_are_not_taken_for_its_own(tmp_path: Path) -> None:
    path = new_run(tmp_path)
    samples = next(tmp_path.glob("samples_alpha*"))
    samples.write_text("".join(samples.read_text().splitlines(keepends=True)[:-1]))
    found, reason = items_of(suite_spec().tasks[0], read(path))
    assert found is None and "3 of 4 items have a score" in reason


def test_a_standard_error_that_was_not_printed_is_that_of_the_items(tmp_path: Path) -> None:
    rows = results()["results"]
    rows["alpha"]["acc_stderr,none"] = "N/A"
    runs, _ = find([new_run(tmp_path, results=rows)])
    [(_, source)], _ = by_suite(runs, [suite_spec()], None)
    assert source.evaluations[0].tasks["alpha"]["stderr"] == pytest.approx(0.288675, abs=1e-6)


def test_what_is_no_fraction_is_a_dash_with_the_reason(tmp_path: Path) -> None:
    rows = results()["results"]
    rows["alpha"]["acc,none"] = 17.5
    runs, _ = find([new_run(tmp_path, results=rows)])
    [(_, source)], _ = by_suite(runs, [suite_spec()], None)
    [found] = source.evaluations
    assert (found.score, found.tasks["alpha"]["score"]) == (None, None)
    assert found.unranked_reason == "Alpha: Its score is not a fraction from 0 to 1."


def test_a_new_suite_has_the_tasks_and_groups_that_were_asked_for(tmp_path: Path) -> None:
    spec = suite_of("ours", 3, [read(new_run(tmp_path))])
    assert isinstance(spec, SuiteSpec)
    assert [(task.task, task.metric, task.filter, task.num_fewshot) for task in spec.tasks] == [
        ("alpha", "acc", "none", 0), ("beta", "exact_match", "loose", 0),
    ]  # fmt: skip
    with pytest.raises(SourceError, match="fraction"):
        suite_of("ours", 3, [read(new_run(tmp_path, results={"x": {"perplexity,none": 9.0}}, groups=None))])


@pytest.mark.parametrize(
    ("written", "choices", "target"),
    [
        ("3", True, 3), ("3", False, "3"), ("yes", True, "yes"), ("['a', 'b']", False, ["a", "b"]),
        ("[1, 2]", True, [1, 2]), ("[broken", False, "[broken"), ("__import__('os')", True, "__import__('os')"),
        ("3.5", True, "3.5"), (7, True, 7),
    ],
)  # fmt: skip
def test_targets_as_the_tasks_had_them(written: Any, choices: bool, target: Any) -> None:
    assert target_of(written, choices=choices) == target


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"), ("[]", "is no result of lm-eval"), ('{"results": {}}', "is no result of lm-eval"),
        ('{"results": {"a": 1}, "configs": {}}', "is no result"), ("[" * 100_000, "is not JSON"),
        ("\xff", "is not JSON"),
    ],
)  # fmt: skip
def test_other_files_are_refused_if_named_and_noted_if_found(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "results_x.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SourceError, match=said):
        find([path])
    runs, skipped = find([tmp_path])
    assert (runs, [note.what for note in skipped]) == ([], ["results_x.json"])
    assert said in skipped[0].reason


def test_a_folder_or_an_endpoint_is_no_models_name(tmp_path: Path) -> None:
    path = new_run(tmp_path, model_name="/data/models/mine")
    runs, [note] = find([path])
    assert (runs, "--model org/name" in note.reason) == ([], True)
    assert [run.model for run in find([path], name="org/mine")[0]] == ["org/mine"]


def test_a_run_of_the_real_program(tmp_path: Path) -> None:
    runs, skipped = find([REAL, REAL / "org__dummy"])  # found twice, read once
    assert (len(runs), skipped) == (1, [])
    [(suite, source)], _ = by_suite(runs, [], suite_of("ours", 1, runs))
    [found] = source.evaluations
    assert [(task.task, task.limit, task.num_fewshot) for task in suite.tasks] == [
        ("starter_arithmetic", 5, 4), ("starter_knowledge", 5, 0),
    ]  # fmt: skip
    assert found.tasks["starter_knowledge"]["score"] == 0.4
    assert (len(found.items["starter_knowledge"].scores), sum(found.items["starter_knowledge"].scores)) == (5, 2.0)
    assert source.incomplete == []
