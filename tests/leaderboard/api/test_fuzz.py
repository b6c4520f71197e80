"""A short run of what `make fuzz` does at length."""

import json
import os
import subprocess
import sys

import pytest

from tests.environment import ROOT


@pytest.mark.stack
@pytest.mark.slow
def test_random_requests_find_nothing() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--examples", "2", "--phases", "fuzzing", "--seed", "6"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout.splitlines()[-1])
    assert set(counts["roles"]) == {"anonymous", "A", "B", "worker", "staff"}
    assert counts["cases"] >= 5 * 30
    assert counts["failures"] == counts["server_errors"] == counts["reads_across_owners"] == 0
