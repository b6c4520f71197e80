"""The environment of a test run, complete before Django reads it: own state folder, own servers, no Hub.

Loaded as a pytest plugin (pyproject.toml). DATABASE_URL and REDIS_URL are honoured when they are set.
"""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from leaderboard import environment
from leaderboard.embedded import postgres

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(tempfile.mkdtemp(prefix="parity-test-"))
SHARED = ROOT.parent / "shared"

os.environ.update(
    PARITY_MODE="demo",
    PARITY_STATE=str(STATE),
    PARITY_URL="http://127.0.0.1:8000",
    PARITY_HUB_MIRROR="",
    HF_HUB_OFFLINE="1",
    PARITY_RATES="api=0,address=0,search=0,submit=0,login=0",  # tests of the limits set their own
)
os.environ.pop("HF_TOKEN", None)
(STATE / "static").mkdir()
# The data of this server lives as long as the run: nothing of it has to survive a power cut.
with patch.dict(postgres.SETTINGS, {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}):
    SERVICES = environment.prepare()


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    SERVICES.__exit__(None, None, None)
    shutil.rmtree(STATE, ignore_errors=True)
