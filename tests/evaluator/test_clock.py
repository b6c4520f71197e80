"""Time limits: whatever a child does, nothing of it is left shortly after its limit."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluator import run
from evaluator.contract import ModelRef, Settings
from evaluator.supervisor import Clock, Died, OutOfTime, supervise
from tests.conftest import suite_spec
from tests.evaluator.test_supervisor import CHILD, alive

GRACE = 30.0
"""Seconds after its limit in which the last process of a run must be gone."""


def hanging(folder: Path, clock: Clock) -> Died:
    suite = replace(suite_spec(), description="hang")
    spec = run.RunSpec(model=ModelRef(name="o/m", sha="a" * 40), model_path="/", suite=suite, settings=Settings())
    with pytest.raises(Died) as death:
        supervise(folder, spec, working_folder=folder, watch=lambda _: None, clock=clock, module=CHILD)
    return death.value


def test_a_run_over_its_limit_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    started = time.monotonic()
    death = hanging(tmp_path, Clock(limit=2.0))
    took = time.monotonic() - started
    assert (death.code, death.retry) == ("time_limit", False)
    assert "2 s" in str(death)
    assert 2.0 < took < 2.0 + GRACE
    deadline = time.monotonic() + 5  # a killed process is gone a moment after the signal
    while alive(int((tmp_path / "grandchild").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_tasks_of_one_call_share_their_time() -> None:
    clock = Clock(task_limit=10.0)
    clock.check(run.Progress(call=1, tasks=("a", "b")))
    clock._call_started -= 19
    clock.check(run.Progress(call=1, tasks=("a", "b")))
    clock._call_started -= 2
    with pytest.raises(OutOfTime, match=r"a, b took longer than 20 s \(10 s a task\)"):
        clock.check(run.Progress(call=1, tasks=("a", "b")))


def test_each_call_has_its_own_time() -> None:
    clock = Clock(task_limit=10.0)
    clock.check(run.Progress(call=1, tasks=("a",)))
    clock._call_started -= 9
    clock.check(run.Progress(call=2, tasks=("b",)))
    clock._call_started -= 9
    clock.check(run.Progress(call=2, tasks=("b",)))


def test_before_the_first_call_only_the_whole_counts() -> None:
    clock = Clock(limit=10.0, task_limit=0.1)
    clock.check(run.Progress())
    clock.started -= 11
    with pytest.raises(OutOfTime):
        clock.check(run.Progress())


def test_no_limit_is_no_limit() -> None:
    clock = Clock()
    clock.started -= 10**9
    clock.check(run.Progress(call=1, tasks=("a",)))
