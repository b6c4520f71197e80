"""The command `python -m evaluator run` against `lm_eval run`: real model, real data, real vLLM, float32."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator import hub
from evaluator.engines import environment
from tests.environment import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]  # lm-eval's own way is slow beside others

TASKS = "arc_easy,gsm8k"
LIMIT = "4"


def test_every_metric_equals_lm_evals(tmp_path: Path, demo_mirror: Path, shared_hub: Path) -> None:
    model = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    ours = tmp_path / "ours"
    command = [sys.executable, "-m", "evaluator", "run", "--model", str(model), "--tasks", TASKS, "--limit", LIMIT]
    done = subprocess.run(
        [*command, "--dtype", "float32", "--out", str(ours)],
        cwd=ROOT,
        env={**os.environ, "PARITY_HUB_MIRROR": str(shared_hub), "PARITY_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((ours / "results.json").read_text())

    arguments = f"pretrained={model},dtype=float32,enforce_eager=True,disable_log_stats=True"
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "vllm", "--model_args", arguments]
    done = subprocess.run(
        [*command, "--tasks", *TASKS.split(","), "--limit", LIMIT, "--output_path", str(tmp_path / "stock.json")],
        cwd=hub.merge_datasets([shared_hub], tmp_path / "datasets").resolve(),
        env=environment.for_child(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    stock = json.loads(next(tmp_path.glob("stock*.json")).read_text())["results"]

    for task in TASKS.split(","):
        for key, value in stock[task].items():
            if "," in key:
                assert found["results"][task][key] == value, (task, key)
    samples = (ours / "samples.jsonl").read_text().splitlines()
    assert len(samples) == 2 * int(LIMIT)
    assert {key for key in ("load_seconds", "evaluation_seconds", "provenance") if found[key]} == {
        "load_seconds",
        "evaluation_seconds",
        "provenance",
    }


def test_a_model_that_cannot_be_loaded_ends_with_its_reason_and_log(tmp_path: Path) -> None:
    model = tmp_path / "broken"
    model.mkdir()
    (model / "config.json").write_text('{"architectures": ["NoSuchModel"], "model_type": "no-such"}')
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "evaluator", "run", "--model", str(model), "--suite", "starter@1", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "PARITY_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "could not load" in done.stderr
    assert (out / "child.log").read_text()
    assert not (out / "results.json").exists()
