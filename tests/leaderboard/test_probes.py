"""Whether the process lives and is ready, as those ask who start and stop it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard.queries import health


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(health, "_known", None)
    monkeypatch.setattr(health, "_migrated", False)
    yield
    health._known = None


class Disk(NamedTuple):
    total: int
    used: int
    free: int


def parts(client: Client, status: int) -> dict[str, str]:
    reply = client.get("/readyz")
    assert reply.status_code == status, reply.content
    found: dict[str, str] = reply.json()["parts"] | {"": reply.json()["status"]}
    return found


def test_a_process_lives_whatever_it_lacks(client: Client) -> None:
    reply = client.get("/livez", headers={"host": "10.0.0.7:8000"})  # no database may be asked here: no django_db mark
    assert (reply.status_code, reply.content, reply.headers["Cache-Control"]) == (200, b"ok\n", "no-store")


@pytest.mark.django_db
def test_ready_with_everything_and_degraded_without_a_broker(client: Client, settings: DjangoSettings) -> None:
    assert parts(client, 200) == {"": "ready", "database": "ok", "broker": "ok", "files": "ok"}
    health._known = None
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    found = parts(client, 200)
    assert (found[""], found["database"]) == ("degraded", "ok")
    assert found["broker"] == "does not answer: new work is begun late"


@pytest.mark.django_db
def test_nobody_makes_the_database_busy_with_it(client: Client, django_assert_num_queries: Any) -> None:
    parts(client, 200)
    with django_assert_num_queries(0):
        parts(client, 200)


@pytest.mark.django_db
def test_down_without_its_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("the server is gone")

    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", away)
        patch.setattr("django.db.connection.close", lambda: None)  # the test's own transaction is in it
        found = parts(client, 503)
    assert (found[""], found["database"]) == ("down", "does not answer")


@pytest.mark.django_db
def test_down_before_the_tables_are_those_of_this_release(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="leaderboard").order_by("-id")[:1].get().delete()
    found = parts(client, 503)
    assert found["database"] == "1 migration behind this release: run `manage.py bootstrap`"


@pytest.mark.django_db
def test_a_disk_that_is_nearly_full_degrades(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: Disk(10**9, 10**9, 5 * 2**20))
    found = parts(client, 200)
    assert (found[""], found["files"]) == ("degraded", "5 MiB are left: workers' samples are about to be refused")
