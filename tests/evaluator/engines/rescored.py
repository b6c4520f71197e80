"""Calls `scored_by_lm_eval` in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator import hub
from tests.environment import ROOT


def by_lm_eval(samples: Path, tasks: Sequence[str], mirror: Path, folder: Path) -> dict[str, Any]:
    """What lm-eval's own scoring makes of recorded samples; `folder` is for the merged datasets."""
    command = [sys.executable, "-m", "tests.evaluator.engines.scored_by_lm_eval", str(samples), *tasks]
    done = subprocess.run(
        command,
        cwd=hub.merge_datasets([mirror], folder / "datasets").resolve(),
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_ALLOW_CODE_EVAL": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
