"""The environment of a test run, complete before Django reads it: own state folder, own servers, no Hub.

Loaded as a pytest plugin (pyproject.toml). DATABASE_URL and REDIS_URL are honoured when they are set.
"""

import os
import shutil
import tempfile
from pathlib import Path

from leaderboard import environment

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(tempfile.mkdtemp(prefix="parity-test-"))
SHARED = ROOT.parent / "shared"

os.environ.update(
    PARITY_MODE="demo",
    PARITY_STATE=str(STATE),
    PARITY_URL="http://127.0.0.1:8000",
    PARITY_HUB_MIRROR="",
    HF_HUB_OFFLINE="1",
)
os.environ.pop("HF_TOKEN", None)
(STATE / "static").mkdir()
SERVICES = environment.prepare()


def pytest_unconfigure() -> None:
    SERVICES.__exit__(None, None, None)
    shutil.rmtree(STATE, ignore_errors=True)
