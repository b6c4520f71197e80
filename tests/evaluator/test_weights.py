"""Downloaded weights: the oldest go, those in use stay."""

import fcntl
import os
from pathlib import Path

import pytest

from evaluator.hub import COMPLETE, DOWNLOADING
from evaluator.weights import evict, in_use, make_room


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


def test_those_in_use_count_first(tmp_path: Path, revisions: list[Path]) -> None:
    """The newest goes where the one that is used leaves no room for it."""
    with in_use(revisions[0]):
        os.utime(revisions[0] / COMPLETE, (1, 1))
        assert evict(tmp_path, limit=1100) == [revisions[2], revisions[1]]


def test_room_is_made_only_where_there_can_be_enough(tmp_path: Path, revisions: list[Path]) -> None:
    with in_use(revisions[0]):
        assert not make_room(tmp_path, limit=2500, needed=1600)
        assert all(folder.exists() for folder in revisions), "what would not help is not done"
        assert make_room(tmp_path, limit=2500, needed=1400)
    assert [folder.exists() for folder in revisions] == [True, False, False]
    assert not make_room(tmp_path, limit=2500, needed=2600)


def test_a_download_that_was_given_up_goes_and_one_under_way_stays(tmp_path: Path, revisions: list[Path]) -> None:
    for folder in revisions[:2]:
        (folder / COMPLETE).rename(folder / DOWNLOADING)
    with (revisions[0] / DOWNLOADING).open() as marker:
        fcntl.flock(marker, fcntl.LOCK_SH)
        assert evict(tmp_path, limit=0) == [revisions[2], revisions[1]]
    assert evict(tmp_path, limit=0) == [revisions[0]]
