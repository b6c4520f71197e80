"""The harness killed at any moment goes on from its journal: a real lm-eval evaluation over an exact, slow model."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluator import run, suites
from evaluator.contract import ModelRef, Settings
from evaluator.jobs import unpack_bundle
from evaluator.journal import read
from evaluator.supervisor import cause_of_death
from tests.environment import ROOT

pytestmark = pytest.mark.slow

LIMIT, SLICE = 6, 8
"""Items of a task; requests of a slice."""
SUITE, BUNDLE = suites.find("starter@1")


class Run:
    """Runs of one suite with tests.evaluator.slow_engine, all with one journal."""

    def __init__(self, folder: Path, *, delay: float) -> None:
        self.folder, self.count = folder, 0
        self.model = folder / "model"
        self.model.mkdir()
        (self.model / "delay").write_text(str(delay))

    def start(self, *, limit: int = LIMIT, scope: str = "") -> subprocess.Popen[bytes]:
        self.count += 1
        self.here = self.folder / str(self.count)
        self.here.mkdir()
        assert BUNDLE is not None
        spec = run.RunSpec(
            model=ModelRef(name="o/m", sha="a" * 40),
            model_path=str(self.model),
            suite=replace(SUITE, tasks=tuple(replace(task, limit=limit) for task in SUITE.tasks)),
            settings=Settings(engine="transformers"),
            task_files=str(unpack_bundle(BUNDLE, self.here / "tasks")),
            journal=str(self.folder / "journal"),
            scope=scope,
        )
        run.write(self.here, run.SPEC, spec)

        with (self.here / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.evaluator.slow_engine", str(self.here)],
                cwd=ROOT,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def finish(self, **how: object) -> run.Outcome:
        assert self.start(**how).wait(120) == 0, (self.here / "log").read_text()[-3000:]  # type: ignore[arg-type]
        outcome = run.read_outcome(self.here)
        assert outcome is not None
        return outcome

    def asked(self) -> Counter[str]:
        file = self.model / ".asked"
        return Counter(file.read_text().splitlines()) if file.exists() else Counter()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, run.Outcome]:
    """A run that nothing disturbed."""
    undisturbed = Run(tmp_path_factory.mktemp("whole"), delay=0.0)
    return undisturbed, undisturbed.finish()


def test_killed_at_any_moment_it_repeats_what_was_in_flight(tmp_path: Path, whole: tuple[Run, run.Outcome]) -> None:
    everything = Counter({request: 1 for request in whole[0].asked() if int(request.split()[1]) < LIMIT})
    killed = Run(tmp_path, delay=0.03)
    for point in (0.3, 0.8):
        child = killed.start()
        while sum(killed.asked().values()) < point * sum(everything.values()):
            assert child.poll() is None, (killed.here / "log").read_text()[-3000:]
            time.sleep(0.01)
        child.kill()
        child.wait()
    outcome = killed.finish()
    assert killed.asked().keys() == everything.keys()
    longest = 4 + SLICE  # a slice is never cut within a document
    assert sum(killed.asked().values()) <= sum(everything.values()) + 2 * longest
    assert outcome.table == whole[1].table
    assert outcome.tasks == whole[1].tasks
    assert (killed.here / run.SAMPLES).read_bytes() == (whole[0].folder / "1" / run.SAMPLES).read_bytes()
    counts = outcome.provenance["requests"]
    assert counts["replayed"] > 0.7 * sum(everything.values())
    assert counts["asked"] + counts["replayed"] == sum(everything.values())


def test_what_was_measured_before_is_not_asked_again(whole: tuple[Run, run.Outcome]) -> None:
    runs, first = whole
    more = runs.finish(limit=LIMIT + 1)
    assert more.provenance["requests"]["replayed"] == first.provenance["requests"]["asked"]
    assert max(runs.asked().values()) == 1
    alone = runs.finish(limit=1, scope="job 7").provenance["requests"]
    assert (alone["replayed"], alone["asked"] > 0) == (0, True)


def test_a_full_disk_ends_with_its_own_status_and_keeps_what_was_done(tmp_path: Path) -> None:
    runs = Run(tmp_path, delay=0.0)
    (runs.model / "disk").write_text("4000")
    assert runs.start().wait(120) == run.DISK_FULL, (runs.here / "log").read_text()[-3000:]
    (journal,) = (tmp_path / "journal").iterdir()
    kept, damaged, _ = read(journal)
    assert journal.stat().st_size <= 4000
    assert (len(kept) > 0, damaged <= 1) == (True, True)
    death = cause_of_death(runs.here, run.DISK_FULL)
    assert (death.code, death.retry) == ("disk_full", True)
