"""What the audit says of its answers, without a network: known holes fail it, and silence is no good news."""

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from tests.environment import ROOT


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "docker" / "lock" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOLE = {"name": "x", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
SOUND = {"name": "y", "version": "1", "vulns": []}


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ({"pypi": ([SOUND], "")}, 0, "pypi: 1 packages, 0 known holes"),
        ({"pypi": ([SOUND, HOLE], "")}, 1, "x 1: CVE-1; mended in 2"),
        ({"pypi": (None, "no route"), "osv": ([SOUND], "")}, 0, "pypi could not be asked: no route"),
        ({"pypi": (None, "no route"), "osv": (None, "nor here")}, 3, "Not audited"),
    ],
)
def test_how_it_ends(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    answers: dict[str, tuple[Any, str]], status: int, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(audit, "asked", lambda service, listing: answers[service])
    assert audit.main() == status
    assert said in capsys.readouterr().out


def test_every_locked_package_is_asked_about_once(audit: ModuleType) -> None:
    lines = audit.packages().splitlines()
    assert len(lines) == len(set(lines)) > 200
    assert all("==" in line and ";" not in line for line in lines)
    assert any(line.startswith("django==") for line in lines)
