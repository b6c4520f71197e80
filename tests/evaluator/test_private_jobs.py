"""Of somebody's own prompts a worker keeps no response beyond the attempt."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluator import jobs, run
from evaluator.bringing import Weights
from evaluator.contract import ModelRef, Settings, SuiteSpec


@pytest.mark.parametrize("private", [True, False])
def test_responses_stay_in_the_attempts_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: bool) -> None:
    monkeypatch.setattr(jobs.planner, "plans", lambda *_: (run.Plan(), None))
    config: Any = SimpleNamespace(state=tmp_path / "state", replay=True, replay_bytes=1, url="https://x", plan=None)
    model, settings = ModelRef(name="o/m", sha="a"), Settings()
    told: Any = SimpleNamespace(job=7, private=private, fresh=False, model=model, settings=settings, shard=None)
    suite = SuiteSpec(name="workload.1", version=1, title="Workload", tasks=())
    spec = run.RunSpec(model=told.model, model_path="", suite=suite, settings=told.settings)
    attempt = tmp_path / "state" / "runs" / "7-1"
    attempt.mkdir(parents=True)
    found = jobs.with_weights(config, told, spec, Weights(tmp_path), attempt)
    kept = Path(str(found.journal))
    assert kept.is_relative_to(attempt.resolve()) is private
    assert (kept == (tmp_path / "state" / "responses").resolve()) is not private
