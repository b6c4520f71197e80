"""What holds for every route: who may read it, that reading writes nothing, and what a page costs the database."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, reverse

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Submission, Suite
from tests.leaderboard.pages import made
from tests.leaderboard.pages.every import HTMX

pytestmark = pytest.mark.django_db
# What GET answers to everybody, and to somebody who is logged in.
ROUTES: dict[str, tuple[int, int]] = {
    "board": (200, 200),
    "board-csv": (200, 200),
    "board-json": (200, 200),
    "board-parquet": (200, 200),
    "board-embed": (200, 200),
    "badge": (200, 200),
    "badge-alone": (404, 404),  # the model has an organisation
    "submit": (302, 200),
    "queue": (200, 200),
    "status": (200, 200),
    "submission": (200, 200),
    "samples": (200, 200),
    "cancel": (302, 405),
    "retry": (302, 405),
    "models": (200, 200),
    "resume": (302, 405),
    "submit-endpoint": (302, 200),
    "model": (200, 200),
    "model-history": (404, 404),  # of no model
    "model-scores": (404, 404),
    "suites": (200, 200),
    "suite": (200, 200),
    "suite-scores": (200, 200),
    "suite-sizes": (200, 200),
    "task": (200, 200),
    "task-items": (200, 200),
    "drift": (404, 404),  # there is no endpoint
    "drift-csv": (404, 404),
    "api-drift": (404, 404),
    "api-reliability": (400, 400),  # of no model
    "compare": (200, 200),
    "compare-csv": (400, 400),  # of nothing
    "diff": (404, 404),  # there is but one evaluation
    "api-compare": (400, 400),
    "api-diff": (404, 404),
    "claims": (200, 200),
    "api-claims": (200, 200),
    "gap": (200, 200),
    "gap-csv": (200, 200),
    "api-gap": (200, 200),
    "tco": (200, 200),
    "tco-csv": (200, 200),
    "api-tco": (200, 200),
    "api-workloads": (401, 401),
    "api-workload": (401, 401),
    "notices": (302, 200),
    "notices-mail": (302, 405),
    "webhook-disable": (302, 405),
    "delivery-again": (302, 405),
    "login": (200, 302),
    "logout": (405, 405),
    "api-submissions": (200, 200),
    "api-submission": (200, 200),
    "api-cancel": (405, 405),
    "api-retry": (405, 405),
    "api-resume": (405, 405),
    "api-quota": (401, 401),
    "api-samples": (200, 200),
    "api-leaderboard": (200, 200),
    "api-facets": (200, 200),
    "api-models": (200, 200),
    "api-model": (404, 404),  # there is no model "model"
    "api-revisions": (200, 200),
    "api-results": (200, 200),
    "api-lm-eval": (200, 200),
    "api-eval-results": (200, 200),
    "api-report": (200, 200),
    "api-items": (400, 400),  # of no task
    "api-bulk": (405, 405),
    "api-changelog": (200, 200),
    "api-workers": (401, 401),
    "api-suites": (200, 200),
    "api-suite": (200, 200),
    "api-sizes": (200, 200),
    "api-tasks": (200, 200),
    "api-task": (200, 200),
    "api-webhooks": (401, 401),
    "api-webhook": (401, 401),
    "api-deliveries": (401, 401),
    "api-redeliver": (405, 405),
    "api-status": (200, 200),
    "api-schema": (200, 200),
    "api-docs": (200, 200),
    "model-alone": (404, 404),  # there is no model "model"
    "worker-claim": (405, 405),
    "worker-hello": (405, 405),
    "worker-bundle": (401, 401),
    "worker-heartbeat": (405, 405),
    "worker-chunk": (405, 405),
    "worker-results": (405, 405),
    "worker-preflight": (405, 405),
    "worker-failure": (405, 405),
}


def routes() -> Iterator[URLPattern]:
    patterns = get_resolver().url_patterns
    assert all(isinstance(pattern, URLPattern) for pattern in patterns), "an include() needs its routes listed too"
    yield from patterns


def address(route: URLPattern, submission: int) -> str:
    known = {
        "pk": submission, "job": submission, "attempt": 1, "sequence": 0, "digest": "0" * 64, "organisation": "org",
        "name": "model", "task": "alpha", "suite": "tiny", "version": "1", "slug": "tiny@1",
        "first": "s1", "second": "s2",
    }  # fmt: skip
    assert route.name
    return reverse(route.name, kwargs={name: known[name] for name in route.pattern.converters})


@pytest.fixture
def row(make_submission: made.Make, suite: Suite) -> Submission:
    row = made.succeed(make_submission(), 50.0)
    build_snapshot(suite=suite)
    return row


def writes(queries: CaptureQueriesContext) -> list[str]:
    """What was written, sessions aside."""
    return [
        query["sql"]
        for query in queries
        if not re.match(r"SELECT|SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT", query["sql"])
        and '"django_session"' not in query["sql"]
    ]


def test_every_route_is_listed_with_its_permissions() -> None:
    assert {route.name for route in routes()} == set(ROUTES)


@pytest.mark.parametrize(("method", "headers"), [("get", {}), ("get", HTMX), ("head", {}), ("options", {})])
def test_no_reading_of_any_route_writes(
    client: Client, member: Client, row: Submission, method: str, headers: dict[str, str]
) -> None:
    for route in routes():
        for reader, expected in zip((client, member), ROUTES[route.name], strict=True):
            with CaptureQueriesContext(connection) as queries:
                reply = getattr(reader, method)(address(route, row.pk), headers=headers)
            assert writes(queries) == [], route.name
            if method == "get":
                ended = route.name == "submission" and headers
                assert reply.status_code == (286 if ended else expected), route.name
            assert reply.status_code < 500, route.name


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_unknown_writes_anywhere(client: Client, row: Submission, method: str) -> None:
    for route in routes():
        with CaptureQueriesContext(connection) as queries:
            reply = getattr(client, method)(address(route, row.pk), {}, content_type="application/json")
        assert writes(queries) == [], route.name
        shown_again = route.name == "login" and method in {"post", "put"}  # the form, with what is wrong
        assert reply.status_code == 200 if shown_again else reply.status_code in {302, 401, 405}, route.name


def test_queries_of_no_page_grow_with_what_is_stored(
    client: Client, make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    made.many(make_submission, suite, 30)
    for path in (
        "/",
        "/queue",
        "/status",
        "/models/",
        "/submissions/1",
        "/login",
        "/suites/",
        "/suites/tiny/1",
        "/gap",
        "/claims",
    ):
        with django_assert_max_num_queries(8):
            client.get(path)
