"""PostgreSQL was restarted between two requests: the site's idle connections are dead, and nobody notices."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BoundedSemaphore
from types import SimpleNamespace
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections

from leaderboard.api import waiting as site_waiting
from leaderboard.models import WorkerToken
from tests.conftest import WORKER_SECRET

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
THREADS = 6

EachThread = Callable[[Callable[[], object]], list[object]]


@pytest.fixture
def each_thread() -> Iterator[EachThread]:
    """Runs a function once in each of the server's threads, which keep their connections as gunicorn's do."""
    together = Barrier(THREADS)

    def once(function: Callable[[], object]) -> object:
        together.wait(10)
        return function()

    with ThreadPoolExecutor(THREADS) as threads:

        def run(function: Callable[[], object]) -> list[object]:
            return [future.result(30) for future in [threads.submit(once, function) for _ in range(THREADS)]]

        yield run
        run(connections.close_all)


def request(path: str, body: bytes = b"", **more: str) -> int:
    """The status of a request that passes all of Django's handling; the test client leaves out the connections'."""
    statuses: list[str] = []
    environ: dict[str, object] = {"PATH_INFO": path, "HTTP_HOST": "127.0.0.1", **more}
    if body:
        environ |= {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    setup_testing_defaults(environ)
    response = WSGIHandler()(environ, lambda status, _: statuses.append(status))
    list(response)
    response.close()
    return int(statuses[0].split()[0])


def end_all_other_backends() -> int:
    """What a restart does to the connections; returns how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def test_the_next_requests_after_a_restart_are_answered_at_once(each_thread: EachThread) -> None:
    assert set(each_thread(lambda: request("/queue"))) == {200}
    assert end_all_other_backends() >= THREADS
    started = time.monotonic()
    with ThreadPoolExecutor(1) as alone:
        assert alone.submit(lambda: (request("/queue"), connections.close_all())).result(30) == (200, None)
    assert set(each_thread(lambda: request("/queue"))) == {200}
    assert time.monotonic() - started < 3


def test_a_claim_that_waits_outlives_a_restart(
    each_thread: EachThread, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without a broker asks for 20 s at a time, so that a restart comes in between more often than not."""
    waiting, ended = Barrier(THREADS + 1), Barrier(THREADS + 1)

    def sleep(_: float) -> None:
        waiting.wait(10)
        ended.wait(10)

    ticks = threading.local()

    def monotonic() -> float:  # a second a look: one wait, one more look
        ticks.now = getattr(ticks, "now", 0.0) + 1
        return ticks.now

    monkeypatch.setattr(site_waiting, "_places", BoundedSemaphore(THREADS))
    monkeypatch.setattr(site_waiting, "time", SimpleNamespace(sleep=sleep, monotonic=monotonic))
    body = b'{"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}'
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {WORKER_SECRET}", "QUERY_STRING": "wait=2"}
    with ThreadPoolExecutor(1) as clients:
        claims = clients.submit(each_thread, lambda: request("/api/worker/v1/claims/", body, **bearer))
        waiting.wait(10)
        end_all_other_backends()
        ended.wait(10)
        assert claims.result(30) == [204] * THREADS
