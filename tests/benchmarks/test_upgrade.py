"""The drill's choice of the release before: `make upgrade-drill` runs its tests on this release's tables."""

import subprocess

import pytest

from tests.benchmarks import upgrade
from tests.environment import ROOT


@pytest.fixture(autouse=True)
def a_clone() -> None:
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("this is no clone")


def test_the_release_before_lacks_a_migration_and_has_no_other_ones() -> None:
    assert upgrade.had(upgrade.previous()) < upgrade.migrations(ROOT)


def test_another_one_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREVIOUS", "HEAD")
    assert upgrade.previous() == upgrade.git("rev-parse", "HEAD")
