"""An engine that stays for the next run: the real harness over an exact model, and children that do not stay."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluator import run, suites
from evaluator.contract import ModelRef, Settings
from evaluator.jobs import unpack_bundle
from evaluator.kept import Kept
from evaluator.supervisor import Died, Stopped, supervise
from tests.conftest import suite_spec

pytestmark = pytest.mark.slow

SUITE, BUNDLE = suites.find("starter@1")


@pytest.fixture
def kept() -> Iterator[Kept]:
    one = Kept()
    yield one
    one.end()


class Runs:
    """Runs one after another with tests.evaluator.slow_engine."""

    def __init__(self, folder: Path, kept: Kept) -> None:
        self.folder, self.kept, self.count = folder, kept, 0
        self.model = folder / "model"
        self.model.mkdir()
        (self.model / "delay").write_text("0.0")

    def go(self, *, seconds: float = 60.0, sha: str = "a", watch: object = None) -> run.Outcome:
        self.count += 1
        here = self.folder / str(self.count)
        here.mkdir()
        assert BUNDLE is not None
        spec = run.RunSpec(
            model=ModelRef(name="o/m", sha=sha * 40),
            model_path=str(self.model),
            suite=replace(SUITE, tasks=tuple(replace(task, limit=2) for task in SUITE.tasks[:2])),
            settings=Settings(engine="transformers"),
            task_files=str(unpack_bundle(BUNDLE, here / "tasks")),
            journal=str(self.folder / "journal"),
            scope=str(self.count),
        )
        return supervise(
            here,
            spec,
            working_folder=here,
            watch=watch or (lambda _: None),  # type: ignore[arg-type]
            module="tests.evaluator.slow_engine",
            attempt=partial(self.kept.attempt, seconds=seconds),
        )

    def loads(self) -> list[int]:
        return [int(line) for line in (self.model / ".loads").read_text().split()]


def gone(pid: int, *, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_an_engine_stays_for_its_like_only_and_goes_with_a_run_that_is_stopped(tmp_path: Path, kept: Kept) -> None:
    runs = Runs(tmp_path, kept)
    first, second = runs.go(), runs.go()
    assert len(runs.loads()) == 1
    assert second.tasks == first.tasks
    assert second.provenance["requests"] == first.provenance["requests"]
    assert (tmp_path / "2" / run.SAMPLES).read_bytes() == (tmp_path / "1" / run.SAMPLES).read_bytes()

    runs.go(sha="b")  # another revision takes its place
    assert len(runs.loads()) == 2
    assert gone(runs.loads()[0], within=5)

    def stop(_: run.Progress) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        runs.go(sha="b", watch=stop)
    assert gone(runs.loads()[1], within=5)


def test_it_goes_when_nothing_comes(tmp_path: Path, kept: Kept) -> None:
    runs = Runs(tmp_path, kept)
    runs.go(seconds=0.2)
    assert gone(runs.loads()[0], within=10)


def test_a_child_that_fails_or_never_stays_is_told_as_ever(tmp_path: Path, kept: Kept) -> None:
    def go(name: str, what: str) -> run.Outcome:
        folder = tmp_path / name
        folder.mkdir()
        suite = replace(suite_spec(), description=what)
        spec = run.RunSpec(model=ModelRef(name="o/m", sha="a" * 40), model_path="/", suite=suite, settings=Settings())
        return supervise(
            folder, spec, working_folder=folder, watch=lambda _: None, module="tests.evaluator.fake_child",
            attempt=partial(kept.attempt, seconds=60.0),
        )  # fmt: skip

    assert go("one", "succeed").tasks == go("two", "succeed").tasks
    with pytest.raises(Died, match="cannot be loaded"):
        go("three", "fail")
    with pytest.raises(Died, match="killed from outside"):
        go("four", "killed")
