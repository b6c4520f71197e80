"""The steps that make the environment, with a Python that only notes what it is asked to do."""

import subprocess
from pathlib import Path

import pytest

from tests.environment import ROOT

INSTALL = ROOT / "docker" / "lock" / "install.sh"
PYTHON = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
case "$*" in "-c import torch") exit {loads} ;; esac
"""


@pytest.mark.parametrize(("loads", "status"), [(0, 0), (1, 2)])
def test_a_torch_that_does_not_load_is_named_and_taken_away_again(tmp_path: Path, loads: int, status: int) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(PYTHON.format(loads=loads))
    python.chmod(0o755)
    command = ["sh", str(INSTALL), str(python), str(tmp_path), "http://127.0.0.1:9/cpu", "worker-cpu.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert ("error: pip found a build of torch" in done.stderr) == bool(status)
    assert ("TORCH_INDEX=" in done.stderr) == bool(status)
    asked = (tmp_path / "bin" / "asked").read_text()
    assert ("pip uninstall --quiet --yes torch" in asked) == bool(status)
