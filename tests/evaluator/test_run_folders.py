"""Folders of attempts: gone at the end, and those of a worker that was killed gone with the next start."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator import run_folders, worker
from evaluator.config import Config
from tests.environment import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from evaluator.run_folders import run_folder
with run_folder(Path(sys.argv[1]), "7-2") as folder:
    (folder / "samples.jsonl").write_text("one")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "state" / "runs"


def folders(runs: Path) -> set[str]:
    return {path.name for path in runs.iterdir() if path.is_dir()}


def test_a_folder_lives_as_long_as_its_attempt(runs: Path) -> None:
    with run_folders.run_folder(runs, "7-2") as folder:
        assert folder.name.startswith("7-2")
        assert folder.stat().st_mode & 0o777 == 0o700
        run_folders.sweep(runs)
        assert folders(runs) == {folder.name}
        with run_folders.run_folder(runs, "7-2") as other:  # another site's job may have the same number
            assert other != folder
    assert folders(runs) == set()


def test_only_what_nobody_holds_is_removed(runs: Path) -> None:
    """One worker of this host is killed while another one works."""
    held = [
        subprocess.Popen([sys.executable, "-c", HOLDER, str(runs)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        names = [Path(str(one.stdout.readline()).strip()).name for one in held if one.stdout]
        (runs / "3-1").mkdir()  # as earlier versions left them
        held[0].send_signal(signal.SIGKILL)
        held[0].wait()
        assert folders(runs) == {*names, "3-1"}
        run_folders.sweep(runs)
        assert folders(runs) == {names[1]}
    finally:
        for one in held:
            one.kill()
            one.wait()
            assert one.stdout
            one.stdout.close()


def test_a_worker_sweeps_when_it_starts(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folders.sweep(runs)  # a host's first start has nothing to sweep
    (runs / "3-1").mkdir(parents=True)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(worker, "poll", lambda _: None)
    config = Config(
        url="http://site", token="t", name="w", queues=("cpu",), engines=("vllm",), mirrors=(),
        state=tmp_path / "state", hub_token=None, hub_endpoint=None, memory_bytes=None, architectures=(),
        child="evaluator.harness",
    )  # fmt: skip
    worker.start(config)
    assert folders(runs) == set()
