import os
from pathlib import Path

import kombu
import pytest
import redis

from leaderboard.embedded import valkey, wheels
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.process import Running


def start(state: Path) -> Running:
    return valkey.start(state / "valkey", state / "run", state / "log")


def client(running: Running) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(running.folder / valkey.SOCKET))


def test_a_second_start_keeps_the_data(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")  # not installed
    state = empty / "Mixed Case+é"
    running = start(state)
    assert (running.folder / valkey.SOCKET).stat().st_mode & 0o777 == 0o700
    with client(running) as connection:
        connection.set("kept", 42)
        assert connection.config_get("maxmemory-policy").popitem()[1] in (b"noeviction", "noeviction")
    valkey.stop(running)
    assert running.process.returncode == 0

    running = start(state)
    with client(running) as connection:
        assert connection.get("kept") in (b"42", "42")
    with kombu.Connection(valkey.url(running.folder)) as broker:
        broker.ensure_connection(max_retries=1)
    valkey.stop(running)


def test_a_killed_server_keeps_what_was_written(empty: Path) -> None:
    running = start(empty)
    with client(running) as connection:
        connection.set("kept", 42)
    running.process.kill()
    running.process.wait()
    (empty / "valkey" / "valkey.pid").write_text(f"{os.getpid()}\n")  # the number belongs to someone else by now
    running = start(empty)
    with client(running) as connection:
        assert connection.exists("kept")
    valkey.stop(running)


def test_a_long_path_gets_a_short_socket(empty: Path) -> None:
    running = start(empty / ("long" * 30))
    assert len(str(running.folder)) < 80
    assert valkey.answers(running.folder)
    valkey.stop(running)
    assert not valkey.answers(running.folder)
    running.folder.rmdir()


def test_garbage_is_explained_with_the_log(empty: Path) -> None:
    files = empty / "valkey" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("my shopping list\n")
    with pytest.raises(EmbeddedError, match=r"(?s)Valkey ended with status 1.*/State/log:.*manifest"):
        start(empty)


def test_a_file_in_the_way_is_refused(empty: Path) -> None:
    empty.mkdir()
    (empty / "valkey").write_text("")
    with pytest.raises(EmbeddedError, match="is a file"):
        start(empty)


def test_without_the_wheel_it_says_what_to_do(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match=r"set REDIS_URL .*\[embedded\]"):
        start(empty)
