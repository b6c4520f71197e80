"""code@1 with the real model in a real engine: the scores are those that lm-eval gives the same answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lm_eval.tasks import TaskManager

from evaluator import suites
from evaluator.contract import Sample, decode_sample, encode_sample
from evaluator.engines import code_eval
from tests.environment import ROOT
from tests.evaluator.engines.rescored import by_lm_eval

pytestmark = pytest.mark.engine

SPEC, _ = suites.find("code@1")
TASKS = [task.task for task in SPEC.tasks]


@pytest.mark.timeout(1200)
def test_pass_at_1_is_lm_evals_own(tmp_path: Path, demo_mirror: Path, shared_hub: Path) -> None:
    model = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    out = tmp_path / "out"
    command = [sys.executable, "-m", "evaluator", "run", "--model", str(model), "--suite", "code@1", "--limit", "4"]
    done = subprocess.run(
        [*command, "--dtype", "float32", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "PARITY_HUB_MIRROR": str(shared_hub), "PARITY_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    measured = {task["task"]: task for task in json.loads((out / "results.json").read_text())["tasks"]}
    lm_eval = by_lm_eval(out / "samples.jsonl", TASKS, shared_hub, tmp_path)
    samples = [decode_sample(line) for line in (out / "samples.jsonl").read_bytes().splitlines()]
    for task in SPEC.tasks:
        ours, theirs = measured[task.task], lm_eval[task.task]
        assert ours["n"] == 4, ours
        assert ours["score"] == theirs["table"][f"{task.metric},{task.filter}"], task.task
        assert ours["item_scores"] == [theirs["items"][str(doc)][task.metric] for doc in range(4)], task.task
    failed = [one for one in samples if 0.0 in [value for row in one.scores.values() for value in row.values()]]
    assert failed and all(one.reasons for one in failed)


def test_right_and_wrong_answers_score_alike(tmp_path: Path, shared_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of which some are right: a model as small as the one above may have none."""
    answers = ["    return 'planted'\n", "    exit()\n", "    raise SystemExit(0)\n"]
    monkeypatch.chdir(shared_hub / "datasets")
    monkeypatch.setattr("evaluate.load", code_eval.load)
    task = TaskManager().load(["humaneval"])["tasks"]["humaneval"]
    docs = list(task.eval_docs)[:12]
    responses = [doc["canonical_solution"] if at % 4 == 3 else answers[at % 4] for at, doc in enumerate(docs)]
    samples = tmp_path / "samples.jsonl"
    samples.write_bytes(b"\n".join(encode_sample(answered(at, text)) for at, text in enumerate(responses)))
    found = by_lm_eval(samples, ["humaneval"], shared_hub, tmp_path)["humaneval"]
    means, details = code_eval.METRIC.compute(
        references=[task.doc_to_target(doc) for doc in docs],
        predictions=[[doc["prompt"] + text] for doc, text in zip(docs, responses, strict=True)],
        k=[1],
    )
    ours = [float(details[at][0][1]["passed"]) for at in range(12)]
    assert ours == [found["items"][str(at)]["pass@1"] for at in range(12)] == [0.0, 0.0, 0.0, 1.0] * 3
    assert means["pass@1"] == found["table"]["pass@1,create_test"] == 0.25


def answered(doc_id: int, text: str) -> Sample:
    return Sample(
        task="humaneval", doc_id=doc_id, item_hash="", target="", prompts=(), responses=(text,), answers={}, scores={}
    )
