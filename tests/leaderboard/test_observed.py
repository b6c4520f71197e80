"""What a request is called, and that its log lines say so."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from leaderboard import counting
from leaderboard.logs import Lines, Named
from leaderboard.observed import request_id
from tests.environment import ROOT


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with space 12345", "line\tbreak-123", "<b>12345678</b>"])
def test_what_is_no_name_gets_one(client: Client, given: str) -> None:
    name = client.get("/livez", headers={"x-request-id": given}).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", name)


def test_a_proxys_name_stays(client: Client) -> None:
    reply = client.get("/livez", headers={"x-request-id": "edge-7f3a.0001"})
    assert reply.headers["X-Request-ID"] == "edge-7f3a.0001"
    assert request_id.get() == ""


def test_lines_are_json_with_the_requests_name() -> None:
    record = logging.LogRecord("leaderboard.x", logging.WARNING, "x.py", 1, "It %s.\n{", ("broke",), None)
    token = request_id.set("edge-7f3a.0001")
    try:
        assert Named().filter(record)
    finally:
        request_id.reset(token)
    line = Lines().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("time")
    assert told == {
        "level": "WARNING", "logger": "leaderboard.x", "message": "It broke.\n{", "request_id": "edge-7f3a.0001",
    }  # fmt: skip


COUNT = """
from leaderboard import counting
counting.share()
from leaderboard.observed import REFUSED
REFUSED.labels("x").inc()
"""
READ = """
from leaderboard import counting
counting.share()
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def test_processes_of_a_server_count_together(tmp_path: Path) -> None:
    gone = tmp_path / f"parity-metrics-{os.getuid()}-{2**22 + 1}"  # beyond the largest process number
    gone.mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    for program in (COUNT, COUNT, READ):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, check=True
        )
    assert 'parity_worker_refused_total{code="x"} 2.0' in done.stdout
    assert not gone.exists()


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"parity-metrics-{os.getuid()}-{os.getppid()}").mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="not a folder of this user alone"):
        counting.share()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
