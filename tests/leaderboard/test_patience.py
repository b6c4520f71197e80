"""No web request keeps the database busy for long, and who asked for too much is told so."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings as DjangoSettings

from leaderboard.patience import StatementTimeout, set_timeout
from tests.environment import ROOT

pytestmark = pytest.mark.django_db


def shown() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


@pytest.fixture
def limits(settings: DjangoSettings) -> Iterator[None]:
    """As a connection of the site's web server has them, but shorter."""
    settings.WEB_STATEMENT_MS, settings.WEB_WRITE_STATEMENT_MS = 100, 1_500
    set_timeout(100)
    yield
    set_timeout(0)


def sleep(seconds: float) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return HttpResponse("done")


def test_the_web_server_gives_a_statement_two_seconds_and_commands_all_they_need() -> None:
    program = (
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute('SHOW statement_timeout')\n"
        "    print(cursor.fetchone()[0])\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PARITY_STATEMENT_MS"}
    for first, limit in (("import leaderboard.wsgi", "2s"), ("import django; django.setup()", "0")):
        done = subprocess.run(
            [sys.executable, "-c", f"{first}\n{program}"], cwd=ROOT, env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert done.stdout.split() == [limit]


def test_reading_is_cut_off_and_writing_may_wait(limits: None) -> None:
    def slow(_: HttpRequest) -> HttpResponse:
        return sleep(0.3)

    requests = RequestFactory()
    assert StatementTimeout(slow)(requests.post("/")).content == b"done"
    assert shown() == "100ms"

    with pytest.raises(OperationalError), transaction.atomic():
        StatementTimeout(slow)(requests.get("/"))


@pytest.mark.parametrize("path", ["/?search=x", "/api/v1/leaderboard/"])
def test_who_asked_for_too_much_is_told_so(limits: None, path: str) -> None:
    request = RequestFactory().get(path)
    middleware = StatementTimeout(lambda _: HttpResponse())

    with pytest.raises(OperationalError) as caught, transaction.atomic():
        sleep(0.3)
    reply = middleware.process_exception(request, caught.value)
    assert reply is not None and reply.status_code == 503
    assert "longer than a question may" in reply.content.decode()


def test_other_errors_stay_what_they_are() -> None:
    middleware = StatementTimeout(lambda _: HttpResponse())
    request = RequestFactory().get("/")
    assert middleware.process_exception(request, ValueError("a bug")) is None
    assert middleware.process_exception(request, OperationalError("the server went away")) is None
