import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaderboard.embedded import process

ROOT = Path(__file__).resolve().parents[3]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 5
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_text(log: Path) -> str:
    deadline = time.monotonic() + 5
    while not log.exists() or not log.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return log.read_text()


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("one", "two"):
        assert process.spawn(["sh", "-c", f"echo {word} >&2"], log=log).wait() == 0
    assert log.read_text() == "one\ntwo\n"


def test_stop_asks_first(tmp_path: Path) -> None:
    child = process.spawn(["sleep", "60"], log=tmp_path / "log")
    assert process.stop(child, signal=signal.SIGTERM, seconds=5) == -signal.SIGTERM


def test_stop_kills_the_whole_group_of_a_deaf_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = process.spawn(["sh", "-c", 'trap "" TERM; sleep 60 & echo $!; wait'], log=log)
    grandchild = int(wait_for_text(log))
    assert process.stop(child, signal=signal.SIGTERM, seconds=0.1) == -signal.SIGKILL
    wait_for_end(grandchild)


def test_stop_without_a_session_spares_our_own_group(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = process.spawn(["sh", "-c", 'trap "" TERM; echo deaf; sleep 5'], log=log, new_session=False)
    wait_for_text(log)
    assert process.stop(child, signal=signal.SIGTERM, seconds=0.1) == -signal.SIGKILL


def test_a_child_ends_with_a_killed_parent_even_where_signals_were_ignored(tmp_path: Path) -> None:
    code = (
        "import signal, time; from pathlib import Path; from leaderboard.embedded import process\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"log = Path({str(tmp_path / 'log')!r})\n"
        "print(process.spawn(['sleep', '60'], log=log, death_signal=signal.SIGINT).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    wait_for_end(child)


def test_a_child_whose_parent_died_before_prctl_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)  # the parent that spawn expects; getppid() says another
        child = process.spawn(["sleep", "60"], log=tmp_path / "log")
    assert child.wait(5) == -signal.SIGTERM


def test_a_tail_starts_where_the_attempt_did(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    since = process.size(log)
    assert "wrote nothing" in process.tail(log, since)
    log.write_text("old\n" + "".join(f"line {number}\n" for number in range(20)))
    assert process.tail(log, since, lines=2).splitlines()[1:] == ["    line 18", "    line 19"]
