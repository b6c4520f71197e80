"""Every published reference solution passes in the sandbox, and planted wrong ones fail."""

from pathlib import Path

import pytest

from evaluator import sandbox
from tests.evaluator.solutions import humaneval, mbpp, planted

pytestmark = pytest.mark.slow


def test_every_humaneval_solution_passes(shared_hub: Path) -> None:
    rows = humaneval(shared_hub)
    found = sandbox.run_all([source for _, source in rows])
    assert len(rows) == 164
    assert {name: one.reason for (name, _), one in zip(rows, found, strict=True) if not one.passed} == {}


def test_every_mbpp_solution_passes(shared_hub: Path) -> None:
    rows = mbpp(shared_hub)
    found = sandbox.run_all([source for _, source in rows])
    assert len(rows) == 257
    assert {name: one.reason for (name, _), one in zip(rows, found, strict=True) if not one.passed} == {}


def test_planted_wrong_solutions_fail(shared_hub: Path) -> None:
    wrong = [planted(row) for row in [*humaneval(shared_hub)[:10], *mbpp(shared_hub)[:10]]]
    found = sandbox.run_all([source for _, source in wrong])
    assert [name for (name, _), one in zip(wrong, found, strict=True) if one.passed] == []
    assert all(one.reason for one in found)
