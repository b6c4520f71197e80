"""The whole product, every part real: PostgreSQL, Valkey, Celery, gunicorn, lm-eval in vLLM, a real model."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator import suites
from tests import stack as stacks
from tests.environment import ROOT
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.engine]

SUITE = """
name: mini
version: 1
title: Mini
files: starter@1
tasks:
  - {task: starter_arithmetic, title: Arithmetic, metric: exact_match, filter: FILTER_A, limit: 6}
  - {task: starter_instructions, title: Instructions, metric: exact_match, filter: FILTER_I, limit: 6}
  - {task: starter_knowledge, title: Knowledge, metric: acc, limit: 6, baseline: 0.25}
  - {task: starter_antonyms, title: Antonyms, metric: acc, limit: 6, baseline: 0.25}
  - {task: starter_grammar, title: Grammar, metric: acc, limit: 6, baseline: 0.5}
"""


def mini_suite(folder: Path) -> Path:
    """starter@1 with six items a task."""
    starter = next(path for path in suites.built_in() if path.stem == "starter@1")
    filters = {task.task: task.filter for task in suites.load(starter)[0].tasks}
    shutil.copytree(starter.with_suffix(""), folder / "starter@1")
    path = folder / "mini@1.yaml"
    text = SUITE.replace("FILTER_A", filters["starter_arithmetic"])
    path.write_text(text.replace("FILTER_I", filters["starter_instructions"]))
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> Iterator[Stack]:
    """A demonstration that has evaluated the real model on the mini suite and is serving."""
    folder = tmp_path_factory.mktemp("journey")
    state = stacks.with_model(folder / "state", demo_mirror)
    migrated = stacks.manage(state, "migrate", "--verbosity=0")
    assert migrated.returncode == 0, migrated.stderr
    loaded = stacks.manage(state, "load_suites", str(mini_suite(folder)))
    assert "mini@1: released" in loaded.stdout, loaded.stderr
    with stacks.running(state, "--suite", "mini@1") as stack:
        stack.wait_for(stacks.READY, seconds=60)
        stack.wait_for(stacks.SERVING, seconds=400)
        yield stack


def test_the_terminal_shows_progress_and_the_score_with_its_error(served: Stack) -> None:
    said = served.said()
    assert "30/30" in said
    assert re.search(r"on mini@1: \d+\.\d\d ± \d+\.\d\d \(standard error\), rank 1", said), said[-2000:]


def test_the_board_the_api_and_the_pages_agree(served: Stack) -> None:
    with served.http() as http:
        row = http.get("/api/v1/leaderboard/", params={"suite": "mini@1"}).json()["results"][0]
        assert (row["rank"], row["rank_interval"]) == (1, [1, 1])
        submission = http.get(f"/api/v1/submissions/{row['submission']}/").json()
        assert submission["state"] == "succeeded"
        assert submission["progress"] == {"done": 30, "total": 30, "phase": "", "items_per_second": None}
        assert {result["task"]: result["score"] for result in submission["results"]} == {
            task: cell["score"] for task, cell in row["tasks"].items()
        }
        assert submission["provenance"]["engine"] == "vllm"
        for page in ("/?suite=mini@1", f"/submissions/{submission['id']}", f"/models/{row['model']}", "/queue"):
            assert row["model"].split("/")[1] in http.get(page).text, page
        assert f"{row['score']:.2f}" in http.get("/?suite=mini@1").text


def test_every_item_left_its_sample(served: Stack) -> None:
    chunks = list((served.state / "files" / "samples").rglob("*.jsonl.gz"))
    with served.http() as http:
        assert len(chunks) == len(http.get("/api/v1/submissions/?state=succeeded").json()["results"])


def test_the_readmes_ten_lines_submit_wait_and_read_the_rank(served: Stack) -> None:
    """As a newcomer runs them, on the small suite."""
    program = next(
        one
        for one in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "Parity(" in one
    )
    assert len(program.strip().splitlines()) <= 10
    environment = {**os.environ, "PARITY_URL": served.url, "PARITY_TOKEN": served.token, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program.replace("starter@1", "mini@1")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert re.search(r"\d+\.\d\d, rank 1 of 1", done.stdout), (done.stdout, done.stderr[-2000:])


def is_worker(command: str) -> bool:
    """Celery writes its own name over the command line where it can."""
    return "evaluator worker" in command or "celeryd: worker." in command


def test_a_killed_worker_is_started_again(served: Stack) -> None:
    worker = next(pid for pid, command in served.processes().items() if is_worker(command))
    before = served.said().count("The worker ended")
    os.kill(worker, signal.SIGKILL)
    served.wait_for("The worker ended", seconds=15, times=before + 1)


def test_a_second_start_on_the_same_state_is_refused_by_its_port(served: Stack) -> None:
    port = served.url.rpartition(":")[2]
    refused = subprocess.run(
        [sys.executable, "-m", "leaderboard.demo"],
        cwd=ROOT,
        env=stacks.environment_for(served.state, int(port)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert f"Port {port} is taken" in refused.stderr


def test_commands_join_the_running_servers(served: Stack) -> None:
    listed = stacks.manage(served.state, "load_suites")
    assert "starter@1: already released, unchanged" in listed.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left_and_the_next_start_keeps_the_data(
    served: Stack, tmp_path: Path, number: signal.Signals
) -> None:
    """Stops its own copy of the state, in the middle of everything, each way a terminal can end it."""
    state = tmp_path / "state"
    shutil.copytree(
        served.state,
        state,
        symlinks=True,
        ignore=shutil.ignore_patterns("postgres", "valkey", "run", "log", "said.txt"),
    )
    with stacks.running(state, "--suite", "starter@1") as stack:
        stack.wait_for("/submissions/", seconds=60)
        time.sleep(2)
        assert len(stack.processes()) > 5
        stack.stop(number)
        deadline = time.monotonic() + 15
        while left := stack.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
    with stacks.running(state, "--suite", "starter@1") as stack:
        assert stack.wait_for(stacks.READY, seconds=60) < 45
        with stack.http() as http:
            assert len(http.get("/api/v1/submissions/").json()["results"]) == 1
