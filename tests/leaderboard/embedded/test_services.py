import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from leaderboard.embedded import leftover, patience, postgres, services, valkey, wheels
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.locks import Lock

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65_534
SYSTEM_PYTHON = "/usr/bin/python3"

Start = Callable[..., Any]  # conftest's Program
Servers = Callable[[Path], list[int]]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def silent(program: Any, seconds: float) -> bool:
    return not select.select([program.process.stdout], [], [], seconds)[0]


def test_start_use_stop(state: Path, servers: Servers) -> None:
    with services.ensure(state, postgres=True, valkey=True) as held:
        assert held.started
        assert held.ended() == []
        with psycopg.connect(held.database_url) as connection:
            assert connection.info.dbname == "parity"
        assert held.redis_url.startswith("redis+socket:///")
        assert state.stat().st_mode & 0o777 == 0o700
        assert {path.name for path in state.iterdir()} == {"postgres", "valkey", "run", "log"}
    assert servers(state) == []


def test_one_process_may_ask_twice(empty: Path, servers: Servers) -> None:
    outer = services.ensure(empty, postgres=False, valkey=True)
    with services.ensure(empty, postgres=False, valkey=True) as inner:
        assert inner.redis_url == outer.redis_url
    outer.close()
    outer.close()
    assert servers(empty) == []


def test_of_four_at_once_one_starts(state: Path, program: Start, servers: Servers) -> None:
    programs = [program(state) for _ in range(4)]
    answers = [one.says() for one in programs]
    assert sorted(answer[0] for answer in answers) == ["joined", "joined", "joined", "started"]
    assert len({tuple(answer[1:]) for answer in answers}) == 1
    for one in programs:
        one.leave()
    assert all(one.process.wait(20) == 0 for one in programs)
    assert servers(state) == []


def test_the_starter_waits_for_those_who_joined(empty: Path, program: Start, servers: Servers) -> None:
    starter = program(empty, "valkey")
    assert starter.says()[0] == "started"
    joiner = program(empty, "valkey")
    assert joiner.says()[0] == "joined"
    starter.leave()
    assert f"still used by process {joiner.process.pid}" in starter.warns()
    assert silent(starter, 0.5)
    assert valkey.answers(empty / "run" / "valkey")
    late = program(empty, "valkey")
    assert late.says()[0] == "joined"
    late.leave()
    joiner.leave()
    assert starter.says() == ["closed"]
    assert servers(empty) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_wait(empty: Path, program: Start, number: signal.Signals, servers: Servers) -> None:
    starter = program(empty, "valkey")
    starter.says()
    joiner = program(empty, "valkey")
    joiner.says()
    starter.process.send_signal(signal.SIGINT)
    assert starter.says() == ["interrupted"]
    assert "Ctrl-C stops the server now" in starter.warns()
    starter.process.send_signal(number)
    assert starter.says() == ["closed"]
    assert servers(empty) == []


def test_sigkill_leaves_no_process_and_the_next_one_starts(state: Path, program: Start, servers: Servers) -> None:
    starter = program(state)
    _, database_url, _ = starter.says()
    with psycopg.connect(database_url, autocommit=True) as client:
        client.execute("CREATE TABLE kept AS SELECT 42")
        assert len(servers(state)) == 2
        starter.process.kill()
        follower = program(state)  # while the old servers are still ending
        assert follower.says()[0] == "started"
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert len(servers(state)) == 2
    with psycopg.connect(database_url) as client:
        assert client.execute("TABLE kept").fetchone() == (42,)
    follower.process.kill()
    eventually(lambda: servers(state) == [])
    assert "database system was not properly shut down" not in (state / "log" / "postgres.log").read_text()


def test_sigkill_during_initdb_does_not_disturb_the_next_one(empty: Path, program: Start) -> None:
    for _ in range(2):
        starter = program(empty, "postgres")
        eventually(lambda: any(empty.glob("postgres.new-*/base")))
        starter.process.kill()
    assert program(empty, "postgres").says()[0] == "started"


def test_two_owners_of_one_server_each_do_not_wait_for_each_other(state: Path, program: Start) -> None:
    first, second = program(state, "postgres"), None
    assert first.says()[0] == "started"
    second = program(state)
    assert second.says()[0] == "started"  # the other server
    third = program(state)
    assert third.says()[0] == "joined"
    for one in (first, second, third):
        one.leave()
    assert all(one.says() == ["closed"] for one in (first, second, third))


def test_a_forked_child_joins_on_its_own_and_stops_nothing(empty: Path) -> None:
    with services.ensure(empty, postgres=False, valkey=True) as held:
        child = os.fork()
        if child == 0:
            held.close()
            fresh = services.ensure(empty, postgres=False, valkey=True)
            os._exit(int(fresh.started or not Lock(empty / "run" / "valkey.users.lock").holders()))
        assert os.waitpid(child, 0)[1] == 0
        assert services.VALKEY.answers(empty / "run" / "valkey")


def test_a_server_that_outlived_its_owner_is_asked_to_stop(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where the kernel does not tell a child about its parent's death."""
    monkeypatch.setattr(leftover, "GRACE_SECONDS", 0.2)
    orphan = postgres.start(state / "postgres", state / "run" / "postgres", state / "postgres.log")
    reaper = threading.Thread(target=orphan.process.wait)
    reaper.start()
    with services.ensure(state, postgres=True, valkey=False) as held:
        assert held.started
        assert orphan.process.returncode == 0
    reaper.join()


def test_a_dead_server_of_a_living_owner_is_explained(
    empty: Path, program: Start, monkeypatch: pytest.MonkeyPatch, servers: Servers
) -> None:
    monkeypatch.setattr(services, "JOIN_SECONDS", 0.2)
    owner = program(empty, "valkey")
    owner.says()
    for pid in servers(empty):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(EmbeddedError, match=rf"does not answer. Stop the process .*\({owner.process.pid}\)"):
        services.ensure(empty, postgres=False, valkey=True)
    owner.leave()
    assert owner.says() == ["closed"]


def test_the_owner_sees_that_a_server_ended(empty: Path, servers: Servers) -> None:
    with services.ensure(empty, postgres=False, valkey=True) as held:
        for pid in servers(empty):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: held.ended() == ["Valkey (status -9)"])


def test_a_killed_server_is_started_again_where_it_was(state: Path, servers: Servers) -> None:
    """Clients that know its address, and processes that joined it, notice a pause and nothing else."""
    with services.ensure(state, postgres=True, valkey=True) as held:
        addresses = held.database_url, held.redis_url
        with psycopg.connect(held.database_url) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('there')")
        for pid in servers(state):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(held.ended()) == 2)
        assert sorted(held.revive()) == ["PostgreSQL (status -9)", "Valkey (status -9)"]
        assert (held.ended(), held.revive(), addresses) == ([], [], (held.database_url, held.redis_url))
        with psycopg.connect(held.database_url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("there",)
        with services.ensure(state, postgres=True, valkey=True) as joined:
            assert joined.redis_url == held.redis_url
    assert servers(state) == []


def test_a_server_that_does_not_start_again_may_be_asked_again(empty: Path, servers: Servers) -> None:
    with services.ensure(empty, postgres=False, valkey=True) as held:
        for pid in servers(empty):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: held.ended() != [])
        (empty / "valkey").rename(empty / "away")
        (empty / "valkey").write_text("")
        with pytest.raises(EmbeddedError, match="is a file"):
            held.revive()
        (empty / "valkey").unlink()
        (empty / "away").rename(empty / "valkey")
        assert held.revive() == ["Valkey (status -9)"]


def test_a_failed_start_stops_what_it_started(state: Path, servers: Servers) -> None:
    (state / "valkey").write_text("")
    with pytest.raises(EmbeddedError, match="is a file"):
        services.ensure(state, postgres=True, valkey=True)
    assert servers(state) == []
    (state / "valkey").unlink()
    services.ensure(state, postgres=True, valkey=True).close()


def test_another_thread_may_join_but_not_start(empty: Path) -> None:
    errors: list[str] = []

    def use() -> None:
        try:
            services.ensure(empty, postgres=False, valkey=True).close()
        except EmbeddedError as error:
            errors.append(str(error))

    def run() -> None:
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()

    run()
    assert "from the main thread" in errors.pop()
    with services.ensure(empty, postgres=False, valkey=True):
        run()
    assert errors == []


def test_without_wheels_it_says_what_to_do(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match="set DATABASE_URL"):
        services.ensure(empty, postgres=True, valkey=False)
    with pytest.raises(EmbeddedError, match="set REDIS_URL"):
        services.ensure(empty, postgres=False, valkey=True)


def test_a_state_folder_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="PARITY_STATE chooses another folder"):
        services.ensure(tmp_path / "file", postgres=True, valkey=False)


def test_a_long_log_is_set_aside(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "LOG_BYTES", 3)
    (empty / "log").mkdir(parents=True)
    (empty / "log" / "valkey.log").write_text("long")
    services.ensure(empty, postgres=False, valkey=True).close()
    assert (empty / "log" / "valkey.log.old").read_text() == "long"


def test_patience_gives_the_signals_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with patience.Patience() as waiting:
        signal.raise_signal(signal.SIGTERM)
        assert waiting.over
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_nothing_imports_django_or_other_parts_of_the_site() -> None:
    code = (
        "import sys; import leaderboard.embedded.services\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'evaluator')\n"
        "       or name.startswith('leaderboard.') and not name.startswith('leaderboard.embedded')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


def ordinary_user(user: int) -> dict[str, object]:
    """Options to run the tests' program as this user, with a Python that it can read."""
    path = os.pathsep.join([str(ROOT), str(Path(psycopg.__file__).parents[1])])
    options: dict[str, object] = {
        "user": user,
        "group": user,
        "extra_groups": [],
        "cwd": "/",
        "env": {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    }
    for python in (sys.executable, SYSTEM_PYTHON):
        try:
            command = [python, "-c", "import leaderboard.embedded.services"]
            subprocess.run(command, check=True, capture_output=True, **options)  # type: ignore[call-overload]
        except (PermissionError, FileNotFoundError, subprocess.CalledProcessError):
            continue
        return options | {"python": python}
    pytest.skip(f"user {user} can run neither {sys.executable} nor {SYSTEM_PYTHON} with this environment's packages")


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests run as an ordinary user then")
@pytest.mark.parametrize("user", [pytest.param(NOBODY, id="nobody"), pytest.param(54_321, id="without a name")])
def test_as_an_ordinary_user(empty: Path, cluster: Path, program: Start, user: int, servers: Servers) -> None:
    options = ordinary_user(user)
    if user == NOBODY:
        shutil.copytree(cluster, empty / "postgres")
    else:
        empty.mkdir()  # initdb is what minds a missing name
    for path in (empty, *empty.rglob("*")):
        os.chown(path, user, user)
    first = program(empty, "postgres", **options)
    assert first.says()[0] == "started"
    second = program(empty, "postgres", "valkey", **options)
    assert second.says()[0] == "started"  # Valkey
    assert (empty / "postgres").stat().st_uid == user
    second.leave()
    assert second.says() == ["closed"]
    first.process.kill()
    eventually(lambda: servers(empty) == [])


@pytest.mark.skipif(os.geteuid() != 0, reason="root reads everything")
def test_roots_state_folder_is_explained_to_others(empty: Path, program: Start) -> None:
    empty.mkdir(mode=0o700)
    options = ordinary_user(NOBODY)
    stranger = program(empty, **options)
    assert stranger.process.wait(20) == 1
    assert "All of it has to belong to the user that runs Parity" in stranger.process.stderr.read()
