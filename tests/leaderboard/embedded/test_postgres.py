import os
import pwd
import shutil
import signal
from pathlib import Path

import environ
import psycopg
import pytest

from leaderboard.embedded import account, postgres, wheels
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.process import Running


def start(state: Path) -> Running:
    return postgres.start(state / "postgres", state / "run", state / "log")


def ask(running: Running, query: str, database: str = "postgres") -> object:
    with psycopg.connect(postgres.url(running.folder, database), autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_a_first_start_makes_a_cluster_and_a_second_keeps_its_data(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")  # for someone else's server
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")  # not installed
    (empty / "postgres.new-1" / "base").mkdir(parents=True)  # what an interrupted initdb leaves
    (empty / "postgres.new-1" / "PG_VERSION").write_text("18\n")
    running = start(empty)
    postgres.create_database(running.folder, "parity")
    postgres.create_database(running.folder, "parity")
    ask(running, "CREATE TABLE kept AS SELECT 42", "parity")
    assert ask(running, "SHOW timezone") == "UTC"
    assert ask(running, "SHOW fsync") == "on"
    assert ask(running, "SHOW listen_addresses") == ""
    assert ask(running, "SHOW server_encoding", "parity") == "UTF8"
    postgres.stop(running)
    assert running.process.returncode == 0
    assert {path.name for path in empty.iterdir()} == {"postgres", "run", "log"}

    running = start(empty)
    assert ask(running, "TABLE kept", "parity") == 42
    postgres.stop(running)


def test_a_killed_server_recovers(state: Path) -> None:
    running = start(state)
    ask(running, "CREATE TABLE kept AS SELECT 42")
    running.process.kill()
    running.process.wait()
    running = start(state)
    assert ask(running, "TABLE kept") == 42
    postgres.stop(running)


def test_a_pid_file_that_names_another_program_is_stale(state: Path) -> None:
    (state / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{state / 'postgres'}\n1\n5432\n\n\n\n")
    running = start(state)
    postgres.stop(running)


def test_a_long_path_gets_a_short_socket(empty: Path, cluster: Path) -> None:
    state = empty / ("long, " * 20)
    state.mkdir(parents=True)
    shutil.copytree(cluster, state / "postgres")
    running = start(state)
    assert len(str(running.folder)) < 80
    assert running.folder.stat().st_mode & 0o777 == 0o700
    assert ask(running, "SELECT 1") == 1
    postgres.stop(running)
    running.folder.chmod(0o755)
    with pytest.raises(EmbeddedError, match="that no one else can enter"):
        start(state)
    running.folder.rmdir()


def test_a_folder_of_other_things_is_refused(empty: Path) -> None:
    (empty / "postgres").mkdir(parents=True)
    (empty / "postgres" / "thesis.txt").write_text("my only copy")
    with pytest.raises(EmbeddedError, match=r"State/postgres is not empty and not a PostgreSQL data folder"):
        start(empty)
    assert (empty / "postgres" / "thesis.txt").exists()


def test_a_file_in_the_way_is_refused(empty: Path) -> None:
    empty.mkdir()
    (empty / "postgres").write_text("")
    with pytest.raises(EmbeddedError, match="is a file"):
        start(empty)


def test_a_cluster_of_another_version_is_refused_in_its_own_words(state: Path) -> None:
    (state / "postgres" / "PG_VERSION").write_text("17\n")
    (state / "log").write_text("an old complaint\n")
    with pytest.raises(EmbeddedError, match=r"(?s)/State/log:.*initialized by PostgreSQL version 17") as caught:
        start(state)
    assert "an old complaint" not in str(caught.value)


def test_initdb_that_fails_leaves_no_cluster(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "INITDB", ("--no-such-option",))
    with pytest.raises(EmbeddedError, match=r"(?s)could not make its data folder.*no-such-option"):
        start(empty)
    assert not (empty / "postgres").exists()


def test_without_the_wheel_it_says_what_to_do(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match=r"set DATABASE_URL .*\[embedded\]"):
        start(empty)


def test_the_url_means_the_same_to_psycopg_and_django_environ() -> None:
    folder = Path("/tmp/Mixed Case+é%/run")
    url = postgres.url(folder, "parity")
    parsed = psycopg.conninfo.conninfo_to_dict(url)
    assert parsed == {"user": "app", "dbname": "parity", "host": str(folder), "port": "5432"}
    config = environ.Env.db_url_config(url)
    assert (config["NAME"], config["USER"], config["HOST"]) == ("parity", "app", "")
    assert config["OPTIONS"] == {"host": str(folder), "port": 5432}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_where_namespaces_are_blocked_root_becomes_another_user(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "namespaces_work", lambda _: False)
    empty.mkdir(mode=0o700)
    running = start(empty)
    owner = (empty / "postgres").stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{running.process.pid}").stat().st_uid == owner
    ask(running, "CREATE TABLE kept AS SELECT 42")
    postgres.stop(running)

    monkeypatch.undo()  # the data decides from now on
    running = start(empty)
    assert ask(running, "TABLE kept") == 42
    process_user = Path(f"/proc/{running.process.pid}").stat().st_uid
    postgres.stop(running)
    assert process_user == owner


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_state_folder_that_no_one_may_enter_is_explained(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "namespaces_work", lambda _: False)
    empty.parent.chmod(0o700)
    with pytest.raises(EmbeddedError, match="choose a state folder below one that everyone may enter"):
        start(empty)


def test_a_user_without_a_name_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    nameless = next(number for number in range(20_000, 60_000) if number not in taken)
    monkeypatch.setattr(os, "geteuid", lambda: nameless)
    monkeypatch.setattr(account, "namespaces_work", lambda _: True)
    assert account.choose(tmp_path / "new").prefix[:2] == ("unshare", "--user")
    monkeypatch.setattr(account, "namespaces_work", lambda _: False)
    with pytest.raises(EmbeddedError, match="has no entry in /etc/passwd"):
        account.choose(tmp_path / "new")


def test_someone_elses_cluster_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(EmbeddedError, match="belongs to user"):
        account.choose(tmp_path)


def test_a_server_that_ignores_requests_is_killed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "STOP_SECONDS", 0.1)
    running = start(state)
    running.process.send_signal(signal.SIGSTOP)
    postgres.stop(running)
    assert running.process.returncode == -signal.SIGKILL
