"""Files of samples in a bucket, against moto's server: the rules of a folder, and nothing left of what is deleted."""

import hashlib
import io
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path as Folder
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage, storages
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings as DjangoSettings

from leaderboard import environment
from leaderboard.actions.accounts import create_person
from leaderboard.actions.delete_workload import delete_workload
from leaderboard.actions.files import keep
from leaderboard.actions.purge import purge, remove_orphans
from leaderboard.backups import keep as backup
from leaderboard.backups.restore import connect, missing_files, restore
from leaderboard.backups.server import BackupError
from leaderboard.environment import ConfigurationError
from leaderboard.models import Owner, SampleChunk, Submission, Suite, WorkerToken
from leaderboard.object_storage import Bucket
from leaderboard.queries import health
from tests.environment import ROOT
from tests.leaderboard import bakeoffs, path
from tests.leaderboard.broker import Broker

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from moto.server import ThreadedMotoServer

NAME = "samples/1/1-1-00000-abc.jsonl.gz"
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "not a secret"}


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """The address of an S3-compatible server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["plain", "versioned"])
def bucket(request: pytest.FixtureRequest, service: str, settings: DjangoSettings) -> Iterator[Any]:
    """A bucket of its own, which the site keeps its files in; one that keeps versions, too."""
    name = f"parity-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    held = {"aws_access_key_id": "id", "aws_secret_access_key": "not a secret"}
    server = boto3.resource("s3", endpoint_url=service, region_name="us-east-1", **held)
    found = server.create_bucket(Bucket=name)
    if request.param == "versioned":
        found.Versioning().enable()
    told = {"PARITY_FILES": f"s3://{name}/site", "PARITY_FILES_ENDPOINT": service, **KEYS}
    settings.STORAGES = {**settings.STORAGES, "default": environment.file_storage(told)}
    assert isinstance(default_storage, Bucket)
    yield found
    found.object_versions.delete()
    found.delete()


@pytest.fixture
def way(owner: Owner, suite: Suite, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch) -> path.Path:
    """A submission on its way."""
    return path.Path(owner, worker_token, Broker.stand_in(monkeypatch), monkeypatch)


def measured(way: path.Path) -> Submission:
    for step in (way.submit, way.bells, way.claim, way.heartbeat, way.chunks, way.results, way.bells):
        step()
    return Submission.objects.get(state="succeeded")


def keys(bucket: Any) -> list[str]:
    """Everything in the bucket, older versions and marks of deletions among it."""
    return sorted(version.object_key for version in bucket.object_versions.all())


def test_a_file_is_written_once_and_read_as_it_was(bucket: Any) -> None:
    assert keep(NAME, b"body") == NAME
    assert keep(NAME, b"body") == NAME
    with default_storage.open(NAME) as file:
        assert (file.size, file.read()) == (4, b"body")
    assert keys(bucket) == [f"site/{NAME}"]
    with pytest.raises(OSError, match="other content"):
        keep(NAME, b"other")
    with default_storage.open(NAME) as file:
        assert file.read() == b"body"


def test_names_stay_below_the_prefix(bucket: Any) -> None:
    for name in ("../other", "a/../../other"):
        with pytest.raises(SuspiciousOperation):
            default_storage.open(name)
    with pytest.raises(ValueError, match="written whole"):
        default_storage.open(NAME, "wb")


def test_what_is_deleted_is_gone_with_its_versions(bucket: Any) -> None:
    neighbour = f"{NAME}.more"
    keep(NAME, b"one")
    keep(neighbour, b"stays")
    bucket.put_object(Key=f"site/{NAME}", Body=b"two")
    bucket.Object(f"site/{NAME}").delete()
    bucket.put_object(Key=f"site/{NAME}", Body=b"three")
    default_storage.delete(NAME)
    assert keys(bucket) == [f"site/{neighbour}"]
    default_storage.delete(NAME)
    with pytest.raises(FileNotFoundError):
        default_storage.open(NAME)


@pytest.mark.parametrize("operation", ["PutObject", "ListObjectVersions"])
def test_services_that_know_less_will_do(bucket: Any, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some know no conditions, some no versions; they say so with 501."""
    stock, refused = Bucket.client.fget(default_storage), list[str]()
    body = b"<Error><Code>NotImplemented</Code><Message>A header you provided is not implemented</Message></Error>"

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        if operation == "ListObjectVersions" or request.headers.get("If-None-Match"):
            refused.append(request.url)
            raw = type("Raw", (io.BytesIO,), {"stream": lambda self, **_: iter([body])})(body)
            return AWSResponse(request.url, 501, {}, raw)
        return None

    stock.meta.events.register(f"before-send.s3.{operation}", refuse)
    try:
        keep(NAME, b"body")
        assert keys(bucket) == [f"site/{NAME}"]
        default_storage.delete(NAME)
    finally:
        stock.meta.events.unregister(f"before-send.s3.{operation}", refuse)
    assert refused
    assert not default_storage.exists(NAME)


@pytest.mark.django_db
def test_a_submission_goes_its_way_and_is_purged(
    bucket: Any, way: path.Path, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    row = measured(way)
    assert keys(bucket) == sorted(f"site/{one}" for one in SampleChunk.objects.values_list("path", flat=True))
    page = client.get(reverse("samples", args=[row.pk, "alpha"]))
    assert page.status_code == 200 and b"cannot be read" not in page.content
    first = SampleChunk.objects.order_by("job_id", "sequence")[0]
    bucket.Object(f"site/{first.path}").delete()
    assert b"cannot be read" in client.get(reverse("samples", args=[row.pk, "alpha"])).content
    with django_capture_on_commit_callbacks(execute=True):
        purge(submission=row.pk, actor="ops", reason="as the test wants it")
    assert keys(bucket) == ([f"site/{first.path}"] * 2 if bucket.Versioning().status == "Enabled" else [])


@pytest.mark.django_db
def test_a_deleted_workload_leaves_nothing_in_the_bucket(
    bucket: Any, owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any, client: Client,
) -> None:  # fmt: skip
    version = bakeoffs.kept(owner, 12, name="Sums")
    bakeoffs.begun(version, "org/a", "org/b")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, number: str(number))
    assert len(keys(bucket)) >= 2
    private = Submission.everything.filter(suite__owner=owner)[0]
    client.force_login(create_person(username="stranger", email="stranger@example.org", password="4-brown-cats-run"))
    assert client.get(reverse("samples", args=[private.pk, "alpha"])).status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        delete_workload(owner=owner, workload=version.workload_id)
    assert keys(bucket) == []


@pytest.mark.django_db
def test_files_whose_submission_is_gone_are_found(bucket: Any) -> None:
    for number in range(3):
        keep(f"samples/999/{number}", b"left behind")
    keep("samples/999/parts/1", b"left behind")
    assert remove_orphans() == 4
    assert keys(bucket) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_backup_of_a_bucket_is_restored_into_a_bucket(
    bucket: Any, way: path.Path, tmp_path: Folder, service: str
) -> None:
    measured(way)
    said = io.StringIO()
    call_command("restore_drill", stdout=said)
    found = json.loads(said.getvalue().splitlines()[-1])
    assert (found["differing"], found["files"]) == (0, SampleChunk.objects.count())
    made = backup.keep(tmp_path)
    name = f"{connection.settings_dict['NAME']}_bucket"
    elsewhere = Bucket(**{**storages.backends["default"]["OPTIONS"], "location": "another"})
    with connect() as server:
        server.autocommit = True
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        try:
            with pytest.raises(BackupError, match="bucket holds files already"):
                restore(made, files=default_storage, database=name)
            assert restore(made, files=elsewhere, database=name) == []
            chunk = SampleChunk.objects.order_by("id")[0]
            elsewhere.delete(chunk.path)
            assert list(missing_files(server, elsewhere)) == [f"the samples' file {chunk.path} is not in the backup"]
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.mark.django_db
def test_a_bucket_that_is_away_is_told(bucket: Any, settings: DjangoSettings, way: path.Path) -> None:
    assert health.files().trouble == "" and health.free_bytes() is None
    row = measured(way)
    options = settings.STORAGES["default"]["OPTIONS"]
    for change, said in (
        ({"bucket_name": "not-there"}, "answers 404"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "does not"),
    ):
        changed = {**settings.STORAGES["default"], "OPTIONS": {**options, **change}}
        settings.STORAGES = {**settings.STORAGES, "default": changed}
        assert said in health.files().trouble and not health.files().vital
        with pytest.raises(OSError, match="cannot be written"):
            keep(NAME, b"body")
        with pytest.raises(OSError, match="cannot be read"):
            default_storage.open(SampleChunk.objects.filter(job__submission=row)[0].path)
        for asked in (default_storage.listdir, default_storage.delete):
            with pytest.raises(OSError, match="cannot be"):
                asked("samples")


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no bucket": ({"PARITY_FILES": "s3:/bucket"}, "names a bucket"),
    "a folder": ({"PARITY_FILES": "/srv/files"}, "names a bucket"),
    "a prefix that leads out": ({"PARITY_FILES": "s3://bucket/../x"}, "names a bucket"),
    "no address": ({"PARITY_FILES": "s3://bucket", "PARITY_FILES_ENDPOINT": "s3.example.org"}, "a service's address"),
    "an address alone": ({"PARITY_FILES_ENDPOINT": "https://s3.example.org"}, "without PARITY_FILES"),
    "half a key": ({"PARITY_FILES": "s3://bucket", "AWS_ACCESS_KEY_ID": "id"}, "one is set"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_setting_that_cannot_work_is_named(how: str) -> None:
    told, message = WRONG[how]
    with pytest.raises(ConfigurationError, match=message):
        environment.file_storage(told)


def test_a_folder_is_what_there_is_without_settings() -> None:
    unset = dict.fromkeys(["PARITY_FILES", "PARITY_FILES_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "")
    assert environment.file_storage(unset) == {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    found = environment.file_storage({"PARITY_FILES": "s3://bucket"})["OPTIONS"]
    assert (found["bucket_name"], found["location"], found["access_key"]) == ("bucket", "", None)


def test_the_bucket_is_imported_only_where_one_is_named() -> None:
    program = (
        "import django, sys; django.setup(); from django.core.files.storage import default_storage; "
        "default_storage.exists('x'); print([m for m in ('boto3', 'botocore', 'storages') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
