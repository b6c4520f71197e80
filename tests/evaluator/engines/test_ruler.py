"""RULER at one length: the same items in every run, no longer than they may be, and no length above the window."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from lm_eval.tasks import TaskManager
from transformers import AutoTokenizer

from evaluator import run, suites
from evaluator.contract import SuiteSpec, TaskSpec, decode_sample
from evaluator.engines import derived
from evaluator.engines.gguf import DEMO_MODEL
from tests.evaluator import told

pytestmark = pytest.mark.engine

SPEC, _ = suites.find("long-context@1")
SHORT = 1024


def spec(length: int, limit: int = 2) -> TaskSpec:
    return TaskSpec(task=f"ruler_{length}", title="RULER", metric=str(length), limit=limit)


@pytest.fixture
def model(demo_mirror: Path) -> Path:
    return demo_mirror / "models" / DEMO_MODEL


def test_items_fit_their_length_and_are_the_same_again(tmp_path: Path, model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    folders = [derived.write(tmp_path / name, [spec(SHORT)], str(model)) for name in ("one", "two")]
    found = []
    for folder in folders:
        group = TaskManager(include_path=str(folder)).load([f"ruler_{SHORT}"])["groups"][f"ruler_{SHORT}"]
        found.append({leaf.task_name: list(leaf.eval_docs) for leaf in group.get_all_tasks()})
    assert found[0] == found[1]
    assert found[0].keys() == {f"{part}_{SHORT}" for part in derived.RULER}
    for name, docs in found[0].items():
        assert len(docs) == 2, name
        assert docs[0]["input"] != docs[1]["input"], name
        assert all(SHORT / 4 < len(tokenizer(doc["input"]).input_ids) <= SHORT for doc in docs), name


def test_code_that_a_tokenizer_brings_is_not_run(tmp_path: Path, model: Path) -> None:
    hostile, trace = tmp_path / "hostile", tmp_path / "trace"
    shutil.copytree(model, hostile, ignore=shutil.ignore_patterns("*.safetensors"))
    told_there = json.loads((hostile / "tokenizer_config.json").read_text())
    told_there |= {"auto_map": {"AutoTokenizer": ["brought.Brought", None]}, "tokenizer_class": "Brought"}
    (hostile / "tokenizer_config.json").write_text(json.dumps(told_there))
    (hostile / "brought.py").write_text(f"open({str(trace)!r}, 'w')\nclass Brought: ...\n")
    folder = derived.write(tmp_path / "tasks", [spec(SHORT)], str(hostile))
    with suppress(Exception):
        TaskManager(include_path=str(folder)).load([f"ruler_fwe_{SHORT}"])
    assert not trace.exists()


def test_scores_are_by_length_and_a_length_above_the_window_is_a_dash(tmp_path: Path, model: Path) -> None:
    """A model that is told one needle: it is found, and no other."""
    here = tmp_path / "run"
    here.mkdir()
    shutil.copytree(model, here / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    suite = SuiteSpec(name="lengths", version=1, title="Lengths", tasks=(spec(SHORT), spec(2 * SHORT), spec(4 * SHORT)))
    folder = derived.write(tmp_path / "tasks", [spec(SHORT)], str(model))
    task = TaskManager(include_path=str(folder)).load([f"niah_single_1_{SHORT}"])["tasks"][f"niah_single_1_{SHORT}"]
    answers = [(doc["gen_prefix"], f" {doc['outputs'][0]}.") for doc in list(task.eval_docs)[:1]]
    outcome = told.evaluate(here, suite, answers, tmp_path, max_length=2 * SHORT)
    short, longer, longest = outcome.tasks
    assert short.score == pytest.approx(1 / 12)
    assert (short.n, longer.n, longest.n) == (12, 12, 0)
    assert short.item_scores[0] == sum(short.item_scores) == 1.0
    assert short.stderr is not None and short.stderr > 0
    assert longest.unavailable == "It asks about texts of 4,096 tokens; the model's window is 2,048 here."
    samples = [decode_sample(line) for line in (here / run.SAMPLES).read_bytes().splitlines()]
    assert {tuple(one.scores["none"]) for one in samples if one.suite_task == f"ruler_{SHORT}"} == {(str(SHORT),)}
    asked = json.loads((here / "model" / "asked.json").read_text())
    assert max(arguments["max_gen_toks"] for *_, arguments in asked) == 128


def test_the_suite_asks_for_what_can_be_built(tmp_path: Path) -> None:
    folder = derived.write(tmp_path / "tasks", SPEC.tasks, "nowhere")
    groups = {path.stem: yaml.safe_load(path.read_text()) for path in folder.glob("ruler_[0-9]*.yaml")}
    assert groups.keys() == {task.task for task in SPEC.tasks}
    for task in SPEC.tasks:
        assert task.metric == str(derived.ruler_length(task.task))
        assert [one["metric"] for one in groups[task.task]["aggregate_metric_list"]] == [task.metric]
        assert all((folder / f"{part}.yaml").is_file() for part in groups[task.task]["task"])
