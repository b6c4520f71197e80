"""What whoever walks meets: `make run` with a degraded model beside the demo's, and that model behind an API."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaderboard.demo import journey
from tests import model_server
from tests import stack as stacks
from tests.environment import ROOT
from tests.model_server import ModelServer
from tests.stack import Stack

WEIGHTS, WORSE = journey.MODEL, "acme/SmolLM2-noisy"
NOISE = 0.3
OFFLINE = {"PARITY_HUB_MIRROR": "", "HF_HUB_OFFLINE": "1"}
SUITE = """
name: hello
version: 1
title: Hello
files: starter@1
tasks:
  - {task: starter_knowledge, title: Knowledge, metric: acc, limit: 2, baseline: 0.25}
"""


@contextmanager
def serving(folder: Path, mirror: Path) -> Iterator[tuple[Stack, ModelServer]]:
    """The demonstration, with a smaller first evaluation than its own (which may go on), and the model's server."""
    state = prepared(folder, mirror)
    more = {**OFFLINE, "PARITY_ENDPOINT_ALLOW": "127.0.0.1", "PARITY_LOOK_SECONDS": "60"}  # its models compute here too
    with stacks.running(state, "--suite", "hello@1", **more) as stack:
        stack.wait_for(stacks.READY, seconds=120)
        (folder / "server").mkdir()
        with model_server.serving(mirror / "models" / WEIGHTS, folder / "server") as server:
            yield stack, server


def prepared(folder: Path, mirror: Path) -> Path:
    """A state folder in `folder` with tables, both models and the small suite."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    models(state / "mirror" / "models", (mirror / "models" / WEIGHTS).resolve())
    (folder / "starter@1").mkdir()
    for path in (ROOT / "evaluator" / "suites" / "starter@1").glob("starter_knowledge.*"):
        shutil.copy(path, folder / "starter@1")
    (folder / "hello@1.yaml").write_text(SUITE)
    for arguments in (["migrate", "--verbosity=0"], ["load_suites", str(folder / "hello@1.yaml")]):
        done = stacks.manage(state, *arguments)
        assert done.returncode == 0, done.stderr
    return state


def models(folder: Path, real: Path) -> None:
    """The demo's model, and its degraded copy."""
    for name in (WEIGHTS, WORSE):
        (folder / name).parent.mkdir(parents=True)
    (folder / WEIGHTS).symlink_to(real)
    command = [sys.executable, "-m", "tests.walk.degraded", str(real), str(folder / WORSE), str(NOISE)]
    subprocess.run(command, check=True, cwd=ROOT)
