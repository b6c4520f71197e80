"""PostgreSQL's own disk full: every table on a volume of memory that is really full. Readers go on, what is written is
refused whole and in words, a worker waits with what it has measured; and all goes on once there is room."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator import hub
from evaluator.contract import ATTEMPT_TOKEN_HEADER, CHUNK_DIGEST_HEADER, JobSpec
from leaderboard import database_trouble
from leaderboard.models import Job, SampleChunk, Submission, User, WorkerToken
from leaderboard.pages import errors
from leaderboard.queries import health, site, submissions
from tests import samples
from tests.conftest import WORKER_SECRET
from tests.environment import ROOT
from tests.leaderboard.actions.test_follow import publish
from tests.leaderboard.pages import made

Make = Callable[..., Submission]
BODY = samples.packed([samples.sample(doc_id=0)])
CLAIM = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}


class Volume:
    """A small disk with every table of the test's database, which is filled and emptied."""

    def __init__(self, folder: Path) -> None:
        self.filler = folder / "filler"

    def fill(self) -> None:
        with self.filler.open("wb", buffering=0) as file:
            for size in (2**20, 2**12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def free(self) -> None:
        self.filler.unlink()


def said(command: str, *arguments: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(command.format(*arguments))


@pytest.fixture
def volume(transactional_db: None) -> Iterator[Volume]:
    if os.geteuid():
        pytest.skip("only root may mount a volume")
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        [data] = cursor.fetchone()
    # Not below pytest's own folder, which the server's user may not enter.
    with tempfile.TemporaryDirectory(prefix="parity-volume-") as name:
        Path(name).chmod(0o755)
        folder = Path(name, "disk")
        folder.mkdir()
        options = f"size=64m,mode=0700,uid={Path(data).stat().st_uid}"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False)
        if mounted.returncode:
            pytest.skip("nothing can be mounted here")
        try:
            said("VACUUM")  # pages that earlier tests have left empty would be room
            said("CREATE TABLESPACE small LOCATION '{}'", str(folder))
            for kind in ("TABLE", "INDEX"):
                said(f"ALTER {kind} ALL IN TABLESPACE pg_default SET TABLESPACE small")
            yield Volume(folder)
        finally:
            (folder / "filler").unlink(missing_ok=True)
            for kind in ("TABLE", "INDEX"):
                said(f"ALTER {kind} ALL IN TABLESPACE small SET TABLESPACE pg_default")
            said("DROP TABLESPACE small")
            subprocess.run(["umount", folder], check=True)


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    """As after half a minute."""
    health._database_full_until, health._known = 0.0, None
    site.forget()


def call(client: Client, held: JobSpec, name: str, body: object) -> Any:
    path = reverse(name, kwargs={"job": held.job})
    return client.post(path, body, content_type="application/json", headers={ATTEMPT_TOKEN_HEADER: held.token})


def put(client: Client, held: JobSpec) -> Any:
    headers = {ATTEMPT_TOKEN_HEADER: held.token, CHUNK_DIGEST_HEADER: hashlib.sha256(BODY).hexdigest()}
    path = reverse("worker-chunk", kwargs={"job": held.job, "attempt": 1, "sequence": 0})
    return client.put(path, BODY, content_type="application/gzip", headers=headers)


@pytest.mark.slow
def test_programs_are_refused_in_words_and_the_site_is_read_only_until_there_is_room(
    volume: Volume, make_submission: Make, worker_token: WorkerToken, worker_client: Client, files: Path, api_token: str
) -> None:
    make_submission()
    held = made.claim(worker_token)
    make_submission("org/other", sha="b" * 40)
    asks = Client(headers={"authorization": f"Bearer {api_token}"})
    body = {"suite": "tiny@1", "model": "org/model", "settings": {"dtype": "float32"}}

    def submit() -> Any:
        return asks.post("/api/v1/submissions/", body, content_type="application/json")

    volume.fill()
    refused = submit()
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (507, "disk_full", "30")
    assert (submit().status_code, submit().json()["code"]) == (503, "read_only")
    assert worker_client.post(reverse("worker-claim"), CLAIM, content_type="application/json").status_code == 204
    assert Submission.objects.count() == 2
    page = asks.get("/queue")
    assert page.status_code == 200 and "disk of this site is full" in page.content.decode()
    ready = asks.get("/readyz").json()
    assert (ready["status"], ready["parts"]["database"][:16]) == ("degraded", "its disk is full")
    chunk = put(worker_client, held)
    assert (chunk.status_code, chunk.json()["code"]) == (507, "disk_full")
    assert not SampleChunk.objects.exists()

    volume.free()
    assert submit().json()["code"] == "read_only", "it is tried again after a while"
    forget()
    assert put(worker_client, held).status_code == 201
    assert submit().status_code == 201
    assert asks.get("/readyz").json()["status"] == "ready"


@pytest.mark.slow
def test_people_read_what_is_wrong(volume: Volume, person: User, make_submission: Make, client: Client) -> None:
    make_submission()
    client.force_login(person)
    volume.fill()
    form = {"suite": "tiny@1", "model": "org/model", "revision": "main", "engine": "vllm", "dtype": "float32"}
    reply = client.post(reverse("submit"), form)
    assert (reply.status_code, reply["Retry-After"]) == (507, "30")
    assert "disk of this site’s database is full" in reply.content.decode().replace("&#x27;", "’")
    assert client.get(reverse("submit")).status_code == 200


@pytest.mark.slow
def test_a_worker_waits_with_what_it_has_measured(
    volume: Volume, live_server: LiveServer, make_submission: Make, worker_token: WorkerToken, files: Path,
    tmp_path: Path, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 2.0, 0.3
    monkeypatch.setattr(health, "TRIED_AGAIN_SECONDS", 0.5)
    publish(tmp_path / "mirror", "org/model", 2)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_") and name != "REDIS_URL"}
    told = {
        "PARITY_URL": live_server.url, "PARITY_WORKER_TOKEN": WORKER_SECRET, "PARITY_STATE": str(tmp_path / "state"),
        "PARITY_HUB_MIRROR": str(tmp_path / "mirror"), "PARITY_WORKER_CHILD": "tests.evaluator.fake_child",
    }  # fmt: skip
    log = tmp_path / "log"
    make_submission(sha=hub.pin("org/model", mirrors=[tmp_path / "mirror"], token=None).sha, description="take 3")
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, env=kept | told, stderr=output
        )
        try:
            until(lambda: Job.objects.get().phase == "evaluating")
            volume.fill()
            until(lambda: log.read_text().count("has no room for what job") >= 1)
            time.sleep(settings.LEASE_SECONDS)
            assert worker.poll() is None and not SampleChunk.objects.exists()
            volume.free()
            until(lambda: Submission.objects.get().state == "scoring")
        finally:
            worker.kill()
            worker.wait()
    assert (Job.objects.get().attempt, SampleChunk.objects.count()) == (1, 1)


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def failed(cause: BaseException) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def unreachable() -> OperationalError:
    with pytest.raises(psycopg.OperationalError) as refusal:
        psycopg.connect("postgresql://nobody@127.0.0.1:1/nothing")
    return failed(refusal.value)


@pytest.mark.parametrize(
    "error", [unreachable, lambda: failed(psycopg.errors.AdminShutdown()), lambda: failed(psycopg.InterfaceError())]
)
def test_a_database_that_is_away_is_503_for_everybody(error: Callable[[], OperationalError]) -> None:
    for path in ("/api/v1/leaderboard/", "/queue"):
        reply = database_trouble.reply(RequestFactory().get(path), error())
        assert reply is not None
        assert (reply.status_code, reply["Retry-After"]) == (503, "10")
        assert b"does not answer" in reply.content


@pytest.mark.parametrize("cause", [psycopg.errors.QueryCanceled(), psycopg.errors.LockNotAvailable(), None])
def test_any_other_error_is_not_told_as_one_of_these(cause: BaseException | None) -> None:
    error = OperationalError("something else")
    error.__cause__ = cause
    assert database_trouble.reply(RequestFactory().get("/queue"), error) is None
    assert database_trouble.reply(RequestFactory().get("/queue"), ValueError("a bug")) is None


@pytest.mark.django_db
def test_a_view_and_what_is_around_it_are_both_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise failed(psycopg.errors.DiskFull("could not extend file"))

    with monkeypatch.context() as patch:
        patch.setattr(submissions, "queue", full)
        assert Client().get("/queue").status_code == 507
    forget()

    def outside(_: HttpRequest) -> HttpResponse:
        try:
            full()
        except OperationalError:
            return errors.broken(RequestFactory().get("/api/v1/leaderboard/"))
        raise AssertionError

    assert outside(HttpRequest()).status_code == 507
