"""What every route of the public API does alike: problems, parameters, fields, ETags, CORS, pages."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from leaderboard.actions.rank import build_snapshot
from leaderboard.api.paging import cursor
from leaderboard.api.schema import CHECKED_IN, written
from leaderboard.api.views import PublicView
from leaderboard.models import Snapshot, Submission, Suite
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
BOARD = "/api/v1/leaderboard/?suite=tiny@1"


@pytest.fixture
def ranked(make_submission: Make, suite: Suite) -> list[Submission]:
    rows = [made.succeed(make_submission(f"org/m{number}"), 50.0 + number) for number in range(5)]
    build_snapshot(suite=suite)
    return rows


def views() -> dict[str, Any]:
    """The classes behind all routes of the public API, by name."""
    routes = [route for route in get_resolver().url_patterns if str(route.pattern).startswith("api/v1/")]
    return {route.name: route.callback.cls for route in routes}


def test_every_route_keeps_the_conventions() -> None:
    assert {name for name, view in views().items() if not issubclass(view, PublicView)} == set()


def test_the_schema_that_is_checked_in_is_the_one_that_is_served(client: Client) -> None:
    assert CHECKED_IN.read_text() == written(), "run manage.py write_schema"
    served = client.get("/api/schema/?format=json").json()
    assert served["openapi"] == "3.1.1"
    routes = {
        "/"
        + str(route.pattern)
        .replace("<int:pk>", "{id}")
        .replace("<int:", "{")
        .replace("<str:", "{")
        .replace("<path:", "{")
        .replace(">", "}")
        for route in get_resolver().url_patterns
        if str(route.pattern).startswith("api/v1/")
    }
    assert set(served["paths"]) == routes


@pytest.mark.parametrize(
    ("path", "status", "code", "field"),
    [
        ("/api/v1/leaderboard/?suite=nothing@1", 404, "unknown_suite", "suite"),
        ("/api/v1/leaderboard/?colour=red", 400, "bad_query", "query"),
        ("/api/v1/leaderboard/?suite=tiny@1&suite=tiny@2", 400, "bad_suite", "suite"),
        ("/api/v1/submissions/999/", 404, "unknown_submission", "submission"),
        ("/api/v1/nothing/", 404, "not_found", None),
        ("/api/v1/quota/", 401, "not_authenticated", None),
        ("/api/v1/submissions/?state=lost", 400, "bad_state", "state"),
        ("/api/v1/submissions/?page_size=-1", 400, "bad_page_size", "page_size"),
        ("/api/v1/submissions/?page_size=100000000000000000000", 400, "bad_page_size", "page_size"),
        ("/api/v1/submissions/?page=2", 400, "bad_query", "query"),
        ("/api/v1/submissions/?fields=colour", 400, "bad_fields", "fields"),
        ("/api/v1/submissions/?fields=,", 400, "bad_fields", "fields"),
        ("/api/v1/submissions/?cursor=%ff%fe", 400, "bad_cursor", "cursor"),
        ("/api/v1/submissions/?mine=yes", 400, "bad_mine", "mine"),
        ("/api/v1/models/?search=%00", 400, "bad_search", "search"),
        ("/api/v1/models/org/%00/", 404, "unknown_name", "name"),
        ("/api/v1/submissions/99999999999999999999999/", 404, "unknown_submission", "submission"),
    ],
)  # fmt: skip
def test_errors_are_problems(
    client: Client, suite: Suite, path: str, status: int, code: str, field: str | None
) -> None:
    reply = client.get(path)
    said = reply.json()
    assert reply["Content-Type"] == "application/problem+json"
    assert (reply.status_code, said["status"], said["code"], said.get("field")) == (status, status, code, field)
    assert (said["type"], said["detail"]) == ("about:blank", said["message"])
    assert said["title"] and said["message"].endswith(".")


def test_the_wrong_kind_of_body_is_415_and_of_reply_406(client: Client, api_token: str) -> None:
    headers = {"authorization": f"Bearer {api_token}"}
    reply = client.post("/api/v1/submissions/", "a=b", content_type="text/plain", headers=headers)
    assert (reply.status_code, reply["Content-Type"]) == (415, "application/problem+json")
    reply = client.get("/api/v1/models/", headers={"accept": "image/png"})
    assert (reply.status_code, reply["Content-Type"]) == (406, "application/problem+json")


def test_a_wrong_token_with_an_unknown_format_is_no_server_error(client: Client) -> None:
    """Found by random requests: the format is refused before anybody asked who is calling."""
    headers = {"authorization": "Bearer parity_wrong"}
    assert client.get("/api/v1/submissions/1/samples/?format=null", headers=headers).status_code == 404


def test_a_bug_is_a_problem_too(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard.queries.models.chosen", lambda **_: 1 / 0)
    reply = Client(raise_request_exception=False).get("/api/v1/models/")
    assert (reply.status_code, reply["Content-Type"]) == (500, "application/problem+json")
    assert reply.json()["code"] == "broken"
    assert "division" not in reply.content.decode()


# Fields


def test_fields_choose_members_of_an_object_and_of_results(client: Client, ranked: list[Submission]) -> None:
    one = client.get(f"/api/v1/submissions/{ranked[0].pk}/?fields=state,id").json()
    assert one == {"state": "succeeded", "id": ranked[0].pk}
    page = client.get(f"{BOARD}&fields=model,score&page_size=2").json()
    assert page["results"] == [{"model": "org/m4", "score": 54.0}, {"model": "org/m3", "score": 53.0}]
    assert (page["suite"], page["count"]) == ("tiny@1", 5)


# Pages


def walk(client: Client, path: str) -> list[Any]:
    found: list[Any] = []
    while path:
        page = client.get(path).json()
        found += page["results"]
        split = urlsplit(page["next"] or "")
        path = f"{split.path}?{split.query}" if page["next"] else ""
    return found


@pytest.mark.parametrize(("path", "key"), [("submissions/?suite=tiny@1&", "id"), ("models/?kind=open&", "name")])
def test_a_list_is_walked_whole_though_rows_come_meanwhile(
    client: Client, make_submission: Make, ranked: list[Submission], path: str, key: str
) -> None:
    first = client.get(f"/api/v1/{path}page_size=2").json()
    make_submission("org/a-newcomer")
    split = urlsplit(first["next"])
    rest = walk(client, f"{split.path}?{split.query}")
    found = [row[key] for row in [*first["results"], *rest]]
    assert len(found) == len(set(found)) == 5
    assert found == sorted(found, reverse=key == "id")


def test_pages_of_the_board_stay_in_their_ranking(client: Client, suite: Suite, ranked: list[Submission]) -> None:
    first = client.get(f"{BOARD}&page_size=2").json()
    Submission.objects.filter(pk=ranked[0].pk).update(state="retracted")
    build_snapshot(suite=suite)
    split = urlsplit(first["next"])
    rest = walk(client, f"{split.path}?{split.query}")
    assert [row["model"] for row in [*first["results"], *rest]] == [f"org/m{number}" for number in (4, 3, 2, 1, 0)]
    assert [row["model"] for row in walk(client, f"{BOARD}&page_size=2")] == ["org/m4", "org/m3", "org/m2", "org/m1"]


@pytest.mark.parametrize(
    "given", ["x", "W10", cursor([1]), cursor(["a", 2]), cursor([1, 2, 3]), cursor([-1, 1]), "A" * 3000, "é"]
)
def test_a_cursor_of_something_else_is_400(client: Client, ranked: list[Submission], given: str) -> None:
    reply = client.get("/api/v1/leaderboard/", {"suite": "tiny@1", "cursor": given})
    assert (reply.status_code, reply.json()["code"]) == (400, "bad_cursor")


def test_a_cursor_of_a_ranking_that_is_gone_is_410(client: Client, ranked: list[Submission]) -> None:
    reply = client.get("/api/v1/leaderboard/", {"suite": "tiny@1", "cursor": cursor([2**40, 1])})
    assert (reply.status_code, reply.json()["code"]) == (410, "stale_cursor")


# ETags


def test_whoever_has_the_newest_board_is_told_so_by_one_look(
    client: Client, suite: Suite, ranked: list[Submission]
) -> None:
    first = client.get(BOARD)
    with CaptureQueriesContext(connection) as queries:
        again = client.get(BOARD, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert len(queries) == 1
    assert client.get(f"{BOARD}&sort=model", headers={"if-none-match": first["ETag"]}).status_code == 200
    Submission.objects.filter(pk=ranked[0].pk).update(state="retracted")
    build_snapshot(suite=suite)
    assert client.get(BOARD, headers={"if-none-match": first["ETag"]}).status_code == 200


def test_other_replies_are_compared_as_they_are(client: Client, make_submission: Make) -> None:
    path = f"/api/v1/submissions/{make_submission().pk}/"
    first = client.get(path)
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 304
    Submission.objects.update(state="running")
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 200


def test_a_stale_ranking_is_not_confirmed_by_a_cursor_of_another(client: Client, ranked: list[Submission]) -> None:
    newest = Snapshot.objects.latest("pk").pk
    given = client.get("/api/v1/leaderboard/", {"suite": "tiny@1", "cursor": cursor([newest, 1])})
    assert given.status_code == 200
    other = {"suite": "tiny@1", "cursor": cursor([newest + 1, 1])}
    assert client.get("/api/v1/leaderboard/", other, headers={"if-none-match": given["ETag"]}).status_code == 410


# CORS


def test_other_sites_pages_may_read_and_nothing_else(client: Client, api_token: str, suite: Suite) -> None:
    headers = {"origin": "https://elsewhere.example", "authorization": f"Bearer {api_token}"}
    assert client.get("/api/v1/suites/", headers=headers)["Access-Control-Allow-Origin"] == "*"
    asked = client.options("/api/v1/submissions/", headers={"origin": "https://elsewhere.example"})
    assert (asked.status_code, asked["Access-Control-Allow-Methods"]) == (204, "GET, HEAD, OPTIONS")
    body = {"suite": "tiny@1", "model": "org/model"}
    posted = client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers)
    assert posted.status_code == 201
    assert "Access-Control-Allow-Origin" not in posted
    assert "Access-Control-Allow-Credentials" not in asked
