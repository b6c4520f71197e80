"""How the demonstration starts, short of starting it (tests/test_journey.py does), and what its programs leave out."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard.demo.__main__ import Refused, finish, refuse_taken
from tests.environment import ROOT


def python(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_runs_as_the_demonstration_only() -> None:
    done = python(
        "import sys; from leaderboard.demo.__main__ import main; sys.argv = ['demo']; sys.exit(main())", PARITY_MODE=""
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "use `make run`" in done.stderr


def test_a_taken_port_is_refused() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} is taken") as refused:
            refuse_taken(port)
    assert refused.value.status == 2
    refuse_taken(port)


def test_a_preparation_that_fails_says_why_with_its_status(tmp_path: Path) -> None:
    log = tmp_path / "prepare.log"
    finish([sys.executable, "-c", "print('of the start before')"], log)
    with pytest.raises(Refused) as refused:
        finish([sys.executable, "-c", "import sys; sys.exit('the disk is full')"], log)
    assert (str(refused.value), refused.value.status) == ("the disk is full", 1)


@pytest.mark.parametrize(
    ("does", "without"),
    [
        ("import leaderboard.demo.__main__", ("django", "pandas", "huggingface_hub")),
        ("import leaderboard.demo.clock, leaderboard.settings", ("huggingface_hub", "pyarrow", "celery.bin", "rich")),
        ("import leaderboard.demo.left_out, pyarrow; pyarrow.array([1])", ("pandas",)),
        ("import leaderboard.demo.left_out, requests; requests.compat.chardet.detect(b'a')", ("chardet",)),
        ("import leaderboard.demo.left_out, httpx; httpx.Client().close()", ("rich", "pygments")),
        ("import leaderboard.demo.site_worker, celery.apps.worker", ("celery.bin", "prompt_toolkit", "rich", "psutil")),
        ("import evaluator.worker, celery.apps.worker", ("celery.bin", "prompt_toolkit", "aiohttp")),
    ],
    ids=["watching", "scheduler", "pyarrow", "requests", "httpx", "site worker", "worker"],
)  # fmt: skip
def test_a_program_loads_no_more_than_it_needs(does: str, without: tuple[str, ...]) -> None:
    """Each of these is 5 to 80 MB, for as long as the program lives."""
    done = python(f"import sys; {does}; print([name for name in {without} if sys.modules.get(name)])")
    assert done.stdout.strip() == "[]", done.stderr
