"""A backup of a real database, restored beside it and compared."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path as Folder

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings as DjangoSettings

from leaderboard.backups.keep import keep
from leaderboard.backups.manifest import Manifest
from leaderboard.backups.restore import check, connect, missing_files, restore
from leaderboard.backups.server import BackupError
from leaderboard.models import Owner, Result, SampleChunk, Submission, Suite, WorkerToken
from tests.leaderboard import path
from tests.leaderboard.broker import Broker

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def measured(
    files: Folder, owner: Owner, suite: Suite, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> Submission:
    """A submission with its samples, all the way to its score."""
    way = path.Path(owner, worker_token, Broker.stand_in(monkeypatch), monkeypatch)
    for step in (way.submit, way.bells, way.claim, way.heartbeat, way.chunks, way.results, way.bells):
        step()
    assert SampleChunk.objects.exists()
    return Submission.objects.get(state="succeeded")


def drill(*arguments: str) -> dict[str, object]:
    said = io.StringIO()
    call_command("restore_drill", *arguments, stdout=said)
    found: dict[str, object] = json.loads(said.getvalue().splitlines()[-1])
    return found


def databases() -> set[str]:
    with connect() as server:
        return {str(name) for (name,) in server.execute("SELECT datname FROM pg_database")}


def test_a_drill_restores_everything_and_leaves_nothing(measured: Submission) -> None:
    before = databases()
    found = drill()
    assert found["differing"] == 0 and found["decrypts"] is True
    assert found["files"] == SampleChunk.objects.count()
    assert databases() == before


def test_a_backup_says_what_is_in_it(measured: Submission, tmp_path: Folder) -> None:
    said = io.StringIO()
    call_command("backup", str(tmp_path / "backups"), stdout=said)
    [made] = (tmp_path / "backups").iterdir()
    told = Manifest.read(made)
    assert str(made) in said.getvalue()
    assert told.rows["leaderboard_submission"] == 1
    assert told.rows["leaderboard_result"] == Result.objects.count()
    assert any(name.startswith("leaderboard.0001") for name in told.migrations)


def test_what_is_lost_or_changed_is_named(measured: Submission, files: Folder, tmp_path: Folder) -> None:
    made = keep(tmp_path / "backups")
    first, *others = SampleChunk.objects.order_by("id")
    with connect() as server:
        assert list(missing_files(server, default_storage)) == []
        (files / first.path).write_bytes(b"changed")
        for other in others:
            (files / other.path).unlink()
        assert list(missing_files(server, default_storage)) == [
            f"the samples' file {first.path} is not what was posted",
            *(f"the samples' file {other.path} is not in the backup" for other in others),
        ]
        server.execute("ALTER TABLE leaderboard_result DISABLE TRIGGER USER")
        server.execute("DELETE FROM leaderboard_result")
        server.execute("ALTER TABLE leaderboard_result ENABLE TRIGGER USER")
    broken = keep(tmp_path / "more")
    with pytest.raises(CommandError, match="not as the site was"):
        drill("--backup", str(broken))
    assert drill("--backup", str(made))["differing"] == 0


@pytest.mark.parametrize("name", ["database.dump", "files.tar"])
def test_a_damaged_backup_is_refused(measured: Submission, tmp_path: Folder, name: str) -> None:
    made = keep(tmp_path)
    with (made / name).open("r+b") as file:
        file.seek(100)
        file.write(b"\x00rubbish")
    with pytest.raises(BackupError, match=f"{name} is not what was written"):
        check(made)


def test_another_secret_key_is_noticed_before_anything_is_written(
    measured: Submission, tmp_path: Folder, settings: DjangoSettings
) -> None:
    made = keep(tmp_path)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    with pytest.raises(BackupError, match="PARITY_SECRET_KEY is not the one"):
        check(made)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert check(made).files == SampleChunk.objects.count()


def test_a_database_that_is_in_use_stays_as_it_is(measured: Submission, tmp_path: Folder) -> None:
    made = keep(tmp_path / "backups")
    with pytest.raises(BackupError, match="tables already"):
        restore(made, files=FileSystemStorage(location=tmp_path / "files-again"))
    assert not (tmp_path / "files-again").exists()
    assert Submission.objects.get().pk == measured.pk


def test_a_backup_that_breaks_off_leaves_nothing(
    measured: Submission, tmp_path: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaderboard.backups.keep.copy_files", full)
    with pytest.raises(OSError, match="No space left"):
        keep(tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def full(*_: object) -> int:
    raise OSError(28, "No space left on device")


Break = Callable[[Folder], object]
BREAKS: dict[str, tuple[Break, str]] = {
    "no manifest": (lambda made: (made / "manifest.json").unlink(), "is no backup"),
    "no JSON": (lambda made: (made / "manifest.json").write_text("{"), "cannot be read"),
    "other fields": (lambda made: (made / "manifest.json").write_text("{}"), "cannot be read"),
    "another format": (
        lambda made: (made / "manifest.json").write_text((made / "manifest.json").read_text().replace(': 1', ": 2", 1)),
        "has format 2; this release reads 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", BREAKS)
def test_what_is_no_backup_is_refused(db: None, files: Folder, tmp_path: Folder, how: str) -> None:
    made = keep(tmp_path)
    break_, message = BREAKS[how]
    break_(made)
    with pytest.raises(CommandError, match=message):
        call_command("restore", str(made))


def test_a_whole_site_moves(measured: Submission, files: Folder, tmp_path: Folder) -> None:
    """As on a new machine: the database is made anew, the files' folder is empty."""
    made = keep(tmp_path / "backups")
    name = str(connection.settings_dict["NAME"]) + "_moved"
    with connect() as server:
        server.autocommit = True
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    try:
        shutil.rmtree(files)
        assert restore(made, files=default_storage, database=name) == []
        with connect(name) as server:
            row = server.execute("SELECT state, score FROM leaderboard_submission").fetchone()
        assert row == (measured.state, measured.score)
    finally:
        with connect() as server:
            server.autocommit = True
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
