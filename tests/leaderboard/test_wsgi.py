"""What a web process has done before it answers anybody."""

import json
import os
import subprocess
import sys

from tests.environment import ROOT

PROGRAM = """
import gc, json, sys, threading
import leaderboard.wsgi
print(json.dumps({
    "pages": "leaderboard.pages.board" in sys.modules,
    "threads": [thread.name for thread in threading.enumerate()],
    "frozen": gc.get_freeze_count(),
}))
"""


def test_a_process_starts_ready_and_without_its_database(tmp_path: os.PathLike[str]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_")}
    env |= {
        "PARITY_STATE": str(tmp_path), "PARITY_URL": "http://127.0.0.1:8000", "PARITY_SECRET_KEY": "secret",
        "PARITY_WORKER_TOKEN": "token", "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
        "REDIS_URL": "redis://127.0.0.1:9/0", "DJANGO_SETTINGS_MODULE": "leaderboard.settings",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["pages"] and "rankings" in found["threads"] and found["frozen"] > 50_000
    assert done.stderr.count("New rankings cannot be read ahead.") == 1
