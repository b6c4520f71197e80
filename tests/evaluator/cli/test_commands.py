"""The commands against the real API, served by the real server."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from evaluator import __main__ as command
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Submission, Suite
from tests.environment import ROOT
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
Make = Callable[..., Submission]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def parity(
    live_server: LiveServer, api_token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs `parity ...`; gives its status, and what it said."""
    monkeypatch.setenv("PARITY_URL", live_server.url)
    monkeypatch.setenv("PARITY_TOKEN", api_token)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["parity", *arguments])
        status = command.main()
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def ranked(make_submission: Make, suite: Suite) -> list[Submission]:
    rows = [made.succeed(make_submission(f"org/m{number}"), 50.0 + number) for number in range(3)]
    build_snapshot(suite=suite)
    return rows


def test_submitting_and_looking(parity: Run, suite: Suite) -> None:
    status, out, _ = parity("submit", "org/model", "--suite", "tiny@1", "--dtype", "float32", "--json")
    submission = json.loads(out)["submission"]
    assert (status, submission["state"]) == (0, "validating")
    assert Submission.objects.get().settings["dtype"] == "float32"
    status, out, _ = parity("status", str(submission["id"]))
    assert (status, out.split("\n")[0]) == (0, f"submission {submission['id']}: org/model on tiny@1, validating")
    status, _, err = parity("submit", "org/model", "--suite", "tiny@1", "--dtype", "float32")
    assert status == 2
    assert f"See /submissions/{submission['id']}" in err


def test_waiting_tells_how_it_ended(parity: Run, make_submission: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluator.api_client import Parity

    rows = [made.end(make_submission("org/one"), "failed"), made.succeed(make_submission("org/two"), 60.0)]
    build_snapshot(suite=rows[0].suite)
    told = iter(rows)
    monkeypatch.setattr(Parity, "submit", lambda self, *_, **__: self.submission(next(told).pk))
    status, out, _ = parity("submit", "org/model", "--suite", "tiny@1", "--wait")
    assert (status, "failed" in out) == (1, True)
    status, out, _ = parity("submit", "org/model", "--suite", "tiny@1", "--wait")
    assert (status, "rank 1 (95 %: 1 to 1)" in out) == (0, True)


def test_the_leaderboard_in_three_formats(parity: Run, ranked: list[Submission]) -> None:
    status, out, _ = parity("leaderboard", "--suite", "tiny@1")
    assert (status, [line.split()[0] for line in out.splitlines()]) == (0, ["rank", "1", "2", "3"])
    _, out, _ = parity("leaderboard", "--suite", "tiny@1", "--sort", "model", "--format", "csv", "--limit", "2")
    assert [row["model"] for row in csv.DictReader(io.StringIO(out))] == ["org/m0", "org/m1"]
    _, out, _ = parity(
        "leaderboard", "--suite", "tiny@1", "--filter", "m1", "--filter", "kind=open", "--format", "json"
    )
    assert [row["model"] for row in json.loads(out)] == ["org/m1"]


def test_comparing(parity: Run, make_submission: Make, worker_token: Any, files: Path) -> None:
    rows = [made.measure(make_submission(f"org/m{n}"), worker_token, [1.0, 0.0, float(n)] * 10) for n in (0, 1)]
    status, out, _ = parity("compare", *(f"s{row.pk}" for row in rows))
    assert (status, out.splitlines()[1].split()[:2]) == (0, [f"s{rows[0].pk}", "org/m0"])
    status, out, _ = parity("compare", *(f"s{row.pk}" for row in rows), "--json")
    assert [one["model"] for one in json.loads(out)["models"]] == ["org/m0", "org/m1"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("status", "999"), 2, "no submission 999"),
        (("leaderboard", "--suite", "x@1"), 2, "no suite 'x@1'"),
        (("submit", "org/model", "--suite", "x@1"), 2, "no suite 'x@1'"),
        (("compare", "s1"), 2, "2"),
        (("verify", "nothing.json"), 2, "nothing.json"),
    ],
)
def test_refusals_are_told_with_their_status(
    parity: Run, suite: Suite, arguments: tuple[str, ...], status: int, words: str
) -> None:
    found = parity(*arguments)
    assert (found[0], words in found[2], found[1]) == (status, True, "")


def test_a_site_that_is_not_there_is_3(parity: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("evaluator.api_client.RETRY_SECONDS", ())
    assert parity("leaderboard")[0] == 3


def test_without_a_token_nothing_is_submitted(parity: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARITY_TOKEN")
    status, _, err = parity("submit", "org/model", "--suite", "tiny@1")
    assert (status, "PARITY_TOKEN" in err) == (2, True)


def test_the_command_runs_from_anywhere(tmp_path: Path) -> None:
    """As docker/lock/command.sh puts it into the environment."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    subprocess.run(["sh", str(ROOT / "docker" / "lock" / "command.sh"), str(tmp_path)], check=True, cwd=tmp_path)
    done = subprocess.run([tmp_path / "bin" / "parity", "--help"], capture_output=True, text=True, cwd="/", check=True)
    assert "leaderboard" in done.stdout
