"""Real servers in temporary folders, and programs that use them as other processes would."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leaderboard.embedded import leftover, postgres

ROOT = Path(__file__).resolve().parents[3]

# Says what it got, one line, and keeps it until its stdin closes.
PROGRAM = """
import sys
from pathlib import Path
from leaderboard.embedded import services
wanted = sys.argv[2:]
with services.ensure(Path(sys.argv[1]), postgres="postgres" in wanted, valkey="valkey" in wanted) as held:
    print("started" if held.started else "joined", *(getattr(held, name) for name, kind in
          (("database_url", "postgres"), ("redis_url", "valkey")) if kind in wanted), flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
print("closed", flush=True)
"""


class Program:
    """A process that runs PROGRAM."""

    def __init__(self, state: Path, *wanted: str, **options: object) -> None:
        self.state = state
        python = str(options.pop("python", sys.executable))
        self.process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
            [python, "-c", PROGRAM, str(state), *(wanted or ("postgres", "valkey"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **{"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}, **options},
        )

    def says(self) -> list[str]:
        """The words of its next line; fails with its stderr when it ended instead."""
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return str(line).split()

    def warns(self) -> str:
        assert self.process.stderr
        return str(self.process.stderr.readline())

    def leave(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def start(state: Path, *wanted: str, **options: object) -> Program:
        programs.append(Program(state, *wanted, **options))
        return programs[-1]

    yield start
    for one in programs:
        one.end()
    for state in {one.state for one in programs}:
        gone(state)


def servers_of(state: Path) -> list[int]:
    """Processes with one of the two data folders on their command line."""
    everyone = [(int(path.name), leftover.command(int(path.name))) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid, line in everyone if f" {state}/postgres" in line or f" {state}/valkey" in line]


@pytest.fixture
def servers() -> Callable[[Path], list[int]]:
    return servers_of


def gone(state: Path, seconds: float = 10) -> None:
    """Wait until no server uses this folder."""
    deadline = time.monotonic() + seconds
    while running := servers_of(state):
        assert time.monotonic() < deadline, running
        time.sleep(0.05)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A stopped PostgreSQL cluster to copy: initdb takes longer than all the rest of a test."""
    folder = Path(tempfile.mkdtemp(prefix="pc"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "INITDB", (*postgres.INITDB, "--wal-segsize=1"))  # MB: less to copy
        postgres.stop(postgres.start(folder / "postgres", folder / "run", folder / "log"))
    yield folder / "postgres"
    shutil.rmtree(folder)


@pytest.fixture
def empty() -> Iterator[Path]:
    """A state folder with a short path that other users may enter; nothing is in it."""
    folder = Path(tempfile.mkdtemp(prefix="pe"))
    folder.chmod(0o711)
    yield folder / "State"
    shutil.rmtree(folder)


@pytest.fixture
def state(empty: Path, cluster: Path) -> Path:
    """A state folder with a PostgreSQL cluster in it."""
    empty.mkdir(mode=0o700)
    shutil.copytree(cluster, empty / "postgres")
    return empty


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These start and kill real servers of their own: too slow for the quick loop."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("stack")
