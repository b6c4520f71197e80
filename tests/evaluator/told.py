"""Runs of a suite with `told_engine` in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from evaluator import run
from evaluator.contract import ModelRef, Settings, SuiteSpec
from evaluator.engines import environment
from tests.environment import ROOT


def evaluate(
    here: Path, suite: SuiteSpec, answers: list[tuple[str, str]], datasets: Path, *, max_length: int | None = None
) -> run.Outcome:
    """What the harness makes of these answers; `here` is an empty folder, or has the model's files in `model`."""
    model = here / "model"
    model.mkdir(exist_ok=True)
    (model / "answers.json").write_text(json.dumps(answers))
    spec = run.RunSpec(
        model=ModelRef(name="made/up", sha="0" * 40),
        model_path=str(model),
        suite=suite,
        settings=Settings(engine="transformers", max_length=max_length),
    )
    run.write(here, run.SPEC, spec)
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluator.told_engine", str(here)],
        cwd=datasets,
        env={**environment.for_child(), "PYTHONPATH": str(ROOT), "HF_HOME": str(here / "hf"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    outcome = run.read_outcome(here)
    assert outcome is not None
    return outcome
