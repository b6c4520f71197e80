import os
import time
from pathlib import Path

from leaderboard.embedded.locks import Lock


def test_exclusive_excludes_and_shared_shares(tmp_path: Path) -> None:
    first, second, third = (Lock(tmp_path / "lock") for _ in range(3))
    with first.shared(), second.shared():
        assert not third.try_exclusive()
    assert third.try_exclusive()
    assert not first.try_exclusive()
    third.release()


def test_it_names_its_holders(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    assert lock.holders() == []
    with lock.shared():
        assert Lock(tmp_path / "lock").holders() == [os.getpid()]
    assert lock.holders() == []


def test_a_forked_child_neither_keeps_it_nor_loses_it(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock").exclusive()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        lock.release()
        os.read(read, 1)
        os._exit(0)
    try:
        time.sleep(0.1)
        assert not Lock(tmp_path / "lock").try_exclusive()
        lock.release()
        assert Lock(tmp_path / "lock").try_exclusive()
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)
