"""What two workers have answered is scored as if one had: real vLLM, a real model, float32, lm-eval's evaluate()."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluator import run
from evaluator.contract import Sample, decode_sample
from evaluator.engines import environment
from tests.environment import ROOT
from tests.evaluator.engines import paths
from tests.evaluator.engines.in_shards import ITEMS, RUNS

pytestmark = pytest.mark.engine
TOLERANCE = 1e-4
"""Of a log-likelihood: float32 sums in another order."""


@dataclass
class Ran:
    outcome: run.Outcome
    samples: list[Sample]

    @property
    def requests(self) -> dict[str, int]:
        return dict(self.outcome.provenance["requests"])


@pytest.fixture(scope="module")
def ran(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    model = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    folder = tmp_path_factory.mktemp("shards")
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluator.engines.in_shards", str(model), str(folder)],
        cwd=ROOT, env=environment.for_child(), capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = {}
    for name in RUNS:
        outcome, file = run.read_outcome(folder / name), folder / name / run.SAMPLES
        assert outcome is not None
        lines = file.read_bytes().splitlines() if file.exists() else []
        found[name] = Ran(outcome, [decode_sample(line) for line in lines])
    return found


@pytest.mark.timeout(900)
def test_scores_errors_and_texts_are_those_of_one_worker(ran: dict[str, Ran]) -> None:
    alone, merged = ran["alone"], ran["first"]
    assert len(alone.samples) == 5 * ITEMS
    assert (merged.outcome.tasks, merged.outcome.table) == (alone.outcome.tasks, alone.outcome.table)
    for one, other in zip(alone.samples, merged.samples, strict=True):
        assert (one.task, one.item_hash, one.prompts, one.scores) == (
            other.task, other.item_hash, other.prompts, other.scores,
        )  # fmt: skip
        for said, told in zip(map(paths.read, one.responses), map(paths.read, other.responses), strict=True):
            if isinstance(said, str):
                assert said == told
            else:
                assert isinstance(told, tuple)
                assert said[1] == told[1]
                assert said[0] == pytest.approx(told[0], abs=TOLERANCE)


@pytest.mark.timeout(900)
def test_together_they_ask_what_one_asks_and_both_kinds_of_request(ran: dict[str, Ran]) -> None:
    alone, first, second = (ran[name].requests for name in ("alone", "first", "second"))
    assert first["asked"] + second["asked"] == alone["asked"]
    assert 0 < first["taken"] == second["asked"]
    assert abs(first["asked"] - second["asked"]) < 0.3 * alone["asked"]


@pytest.mark.timeout(900)
def test_a_shard_scores_nothing(ran: dict[str, Ran]) -> None:
    assert (ran["second"].outcome.tasks, ran["second"].outcome.table, ran["second"].samples) == ((), {}, [])
