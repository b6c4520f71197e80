"""Downloaded weights: the oldest go, those in use stay."""

import os
from pathlib import Path

import pytest

from evaluator.hub import COMPLETE
from evaluator.weights import evict, in_use


@pytest.fixture
def revisions(tmp_path: Path) -> list[Path]:
    """Three revisions of 1,000 bytes and their markers, used one after another."""
    made = []
    for number, name in enumerate(("o/first", "o/second", "p/third")):
        folder = tmp_path / name / (str(number) * 40)
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(bytes(1000))
        (folder / COMPLETE).write_text("{}")
        os.utime(folder / COMPLETE, (1000 + number, 1000 + number))
        made.append(folder)
    return made


def test_those_used_longest_ago_go(tmp_path: Path, revisions: list[Path]) -> None:
    assert evict(tmp_path, limit=2100) == [revisions[0]]
    assert [folder.exists() for folder in revisions] == [False, True, True]
    assert evict(tmp_path, limit=2100) == []


def test_use_counts_and_holds(tmp_path: Path, revisions: list[Path]) -> None:
    with in_use(revisions[0]):
        assert evict(tmp_path, limit=1100) == [revisions[2], revisions[1]]
        assert evict(tmp_path, limit=0) == []
    assert evict(tmp_path, limit=0) == [revisions[0]]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_no_whole_download_stays(tmp_path: Path, revisions: list[Path]) -> None:
    (revisions[0] / COMPLETE).unlink()
    with in_use(revisions[0]):
        evict(tmp_path, limit=0)
    assert (revisions[0] / "model.safetensors").exists()
