"""`parity verify` with the real model in a real engine: a true result comes out again, a planted change is found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator.engines.gguf import DEMO_MODEL
from tests.environment import ROOT

pytestmark = pytest.mark.engine


def parity(state: Path, mirror: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PARITY_HUB_MIRROR": str(mirror), "PARITY_STATE": str(state)}
    command = [sys.executable, "-m", "evaluator", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(1200)
def test_a_true_result_is_reproduced_and_a_planted_change_is_found(tmp_path: Path, demo_mirror: Path) -> None:
    state, out = tmp_path / "state", tmp_path / "out"
    asked = [
        "--model",
        DEMO_MODEL,
        "--suite",
        "starter@1",
        "--limit",
        "4",
        "--engine",
        "transformers",
        "--dtype",
        "float32",
        "--out",
        str(out),
    ]
    done = parity(state, demo_mirror, "run", *asked)
    assert done.returncode == 0, done.stderr[-3000:]
    results = out / "results.json"
    recorded = json.loads(results.read_text())
    again = parity(state, demo_mirror, "verify", str(results), "--out", str(tmp_path / "again"), "--json")
    assert again.stdout, (again.returncode, again.stderr[-3000:])
    said = json.loads(again.stdout)
    assert (again.returncode, said["reproduced"], said["differences"]) == (0, True, []), again.stderr[-3000:]
    assert said["tasks"] == len(recorded["tasks"])

    # Somebody makes one wrong answer right, and every number that follows with it.
    task = next(one for one in recorded["tasks"] if 0.0 in one["item_scores"])
    changed = task["item_scores"].index(0.0)
    task["item_scores"][changed] = 1.0
    task["score"] = sum(task["item_scores"]) / task["n"]
    recorded["results"][task["task"]][f"{task['metric']},{task['filter']}"] = task["score"]
    results.write_text(json.dumps(recorded))
    found = parity(state, demo_mirror, "verify", str(results))
    assert found.returncode == 1, found.stdout
    assert f"{task['task']}: 1 of 4 items score differently: {task['item_hashes'][changed][:12]}" in found.stdout
    assert "NOT reproduced" in found.stdout
