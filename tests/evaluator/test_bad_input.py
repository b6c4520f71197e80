"""A damaged journal, a disk that is full for a while, prompts that do not fit, a model that never ends: each run ends
in a clear state, and the next one goes on from what was done."""

from pathlib import Path

import pytest

from evaluator import run
from evaluator.journal import read
from evaluator.supervisor import Clock, Died, supervise
from tests.evaluator.slow_runs import Runs, few

pytestmark = [pytest.mark.slow, pytest.mark.engine]


def test_of_a_damaged_journal_the_damaged_lines_are_asked_again(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    first = runs.go()
    [path] = runs.journal.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"[", b"{", 1)
    lines[-1] = lines[-1][:-5]
    path.write_bytes(b"".join(lines))
    second = runs.go()
    assert second.tasks == first.tasks
    assert second.provenance["requests"] == {"asked": 2, "replayed": len(lines) - 2, "damaged_journal_lines": 2}
    assert sorted(runs.asked().values())[-3:] == [1, 2, 2]


def test_after_a_full_disk_the_rest_is_asked(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    (runs.model / "disk").write_text("3000")
    assert runs.end() == run.DISK_FULL, run.log_tail(runs.here, limit=3000)
    [path] = runs.journal.iterdir()
    kept, _, _ = read(path)
    assert kept
    (runs.model / "disk").unlink()
    counts = runs.go().provenance["requests"]
    assert counts["replayed"] == len(kept) and counts["asked"] > 0


def test_prompts_that_do_not_fit_are_counted_and_told(tmp_path: Path) -> None:
    """The slow model has room for 128 letters, and the examples of the arithmetic task fill less than those of the
    instructions."""
    found = Runs(tmp_path).go()
    asked = found.provenance["tokens"]
    assert 0 < asked["prompts_cut"] < found.provenance["requests"]["asked"]


def test_a_model_that_does_not_end_is_ended_and_what_it_said_before_is_kept(tmp_path: Path) -> None:
    runs, clock = Runs(tmp_path, delay=0.2), Clock()
    folder = runs.prepare(few())

    def watch(_: run.Progress) -> None:
        """Its time is over once the first slice is on disk."""
        if sum(path.stat().st_size for path in runs.journal.glob("*")):
            clock.task_limit = 1e-3

    with pytest.raises(Died, match="took longer than") as death:
        supervise(
            folder, run.read_spec(folder), working_folder=folder, watch=watch, clock=clock,
            module="tests.evaluator.slow_engine",
        )  # fmt: skip
    assert (death.value.code, death.value.retry) == ("time_limit", False)
    assert run.read_outcome(folder) is None
    [path] = runs.journal.iterdir()
    kept, damaged, _ = read(path)
    assert len(kept) >= 8 and not damaged
    (runs.model / "delay").write_text("0")
    assert runs.go().provenance["requests"]["replayed"] == len(kept)
