"""A reader who has a board is told that it is the same, and never is when it is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leaderboard.actions.rank import build_snapshot
from leaderboard.api import views
from leaderboard.models import Snapshot, Submission, Suite, User
from leaderboard.pages import conditional
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
PAGE, API = "/?suite=tiny@1", "/api/v1/leaderboard/?suite=tiny@1"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def board(make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


def tag(client: Client, path: str, **headers: str) -> str:
    reply = client.get(path, headers=headers)
    assert reply.status_code == 200
    return str(reply["ETag"])


def again(client: Client, path: str, tag: str, **headers: str) -> int:
    reply = client.get(path, headers={"If-None-Match": tag, **headers})
    if reply.status_code == 304:
        assert reply.content == b"" and reply["ETag"] in tag
    return int(reply.status_code)


@pytest.mark.parametrize("path", [PAGE, API, "/", "/?suite=tiny@1&sort=-alpha&search=org&kind=open"])
def test_the_same_is_not_sent_again(client: Client, board: dict[str, Submission], path: str) -> None:
    had = tag(client, path)
    assert again(client, path, had) == 304
    assert again(client, path, f"W/{had.removeprefix('W/')}") == 304  # as it is called once it was packed
    assert again(client, path, f'"other", {had}') == 304
    assert again(client, path, '"other"') == 200
    assert client.head(path, headers={"If-None-Match": had}).status_code == 304


def test_answers_to_other_questions_have_other_validators(client: Client, board: dict[str, Submission]) -> None:
    paths = (PAGE, API, "/", PAGE + "&sort=-score", PAGE + "&search=org", PAGE + "&kind=open", API + "&page_size=2")
    tags = [tag(client, path) for path in paths] + [tag(client, PAGE, **HTMX)]
    tags.append(tag(client, PAGE, **HTMX, **{"HX-History-Restore-Request": "true"}))
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("path", [PAGE, API])
def test_whatever_a_board_is_made_of_changes_it(
    client: Client, make_submission: made.Make, board: dict[str, Submission], path: str, monkeypatch: Any
) -> None:
    had = tag(client, path)
    made.succeed(make_submission("org/new"), 99.0)
    build_snapshot(suite=Suite.objects.get())
    assert again(client, path, had) == 200
    had = tag(client, path)
    if path == PAGE:
        Suite.objects.create(name="other", version=1, slug="other@1", definition={})  # another tab
        assert again(client, path, had) == 200
        had = tag(client, path)
        Snapshot.objects.update(created_at=timezone.now() - timedelta(hours=3))  # "3 h ago"
        assert again(client, path, had) == 200
        had = tag(client, path)
    for module in (conditional, views):
        monkeypatch.setattr(module, "program", lambda: "the next release")
    assert again(client, path, had) == 200


def test_who_is_signed_in_gets_a_page_of_their_own(client: Client, board: dict[str, Submission], person: User) -> None:
    had = tag(client, PAGE)
    client.force_login(person)
    reply = client.get(PAGE, headers={"If-None-Match": had})
    assert reply.status_code == 200 and "ada" in reply.content.decode()
    assert "ETag" not in reply and "private" in reply["Cache-Control"]
    client.logout()
    assert again(client, PAGE, had) == 304


def test_a_message_that_waits_is_shown(client: Client, board: dict[str, Submission]) -> None:
    had = tag(client, PAGE)
    client.cookies["messages"] = "whatever"
    assert again(client, PAGE, had) == 200


def test_a_wrong_token_is_refused_whatever_one_has(client: Client, board: dict[str, Submission]) -> None:
    had = tag(client, API)
    assert again(client, API, had, Authorization="Bearer parity_no") == 401


def test_replies_say_what_they_depend_on_and_that_they_must_be_asked_for(
    client: Client, board: dict[str, Submission]
) -> None:
    for headers in ({}, {"If-None-Match": tag(client, PAGE)}):
        reply = client.get(PAGE, headers=headers)
        assert {"Cookie", "HX-Request", "HX-Boosted"} <= set(reply["Vary"].split(", "))
        assert reply["Cache-Control"] == "no-cache"
    assert "Accept" in client.get(API)["Vary"]


@pytest.mark.parametrize("query", ["sort=__class__", "page=99", "suite=none@1", "suite=%00"])
def test_refusals_have_no_validator(client: Client, board: dict[str, Submission], query: str) -> None:
    for path in ("/?", "/api/v1/leaderboard/?"):
        reply = client.get(path + query)
        assert reply.status_code in {400, 404} and "ETag" not in reply


@pytest.mark.parametrize("path", [PAGE, API])
def test_an_answer_that_is_not_sent_costs_one_query(
    client: Client, board: dict[str, Submission], path: str, django_assert_num_queries: Callable[[int], Any]
) -> None:
    had = tag(client, path)
    with django_assert_num_queries(1):
        assert again(client, path, had) == 304


@pytest.mark.parametrize("size", [3, 120])
def test_a_page_asks_at_most_eight_queries_whatever_it_holds(
    client: Client, make_submission: made.Make, suite: Suite, size: int, person: User,
    django_assert_max_num_queries: Callable[[int], Any],
) -> None:  # fmt: skip
    made.many(make_submission, suite, size)
    search = "&search=org+-zzz+size:<999&kind=open&sort=-alpha"
    for path in (PAGE, PAGE + search, API, API + search):
        with django_assert_max_num_queries(8):
            client.get(path)
    client.force_login(person)
    with django_assert_max_num_queries(8):
        client.get(PAGE)


def test_pages_are_packed_for_who_can_unpack_them(client: Client, board: dict[str, Submission]) -> None:
    plain = client.get(PAGE)
    packed = client.get(PAGE, headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip" and len(packed.content) < len(plain.content) / 2
    assert "Accept-Encoding" in plain["Vary"] and packed["ETag"] == f"W/{plain['ETag']}"


def test_a_page_is_made_once_for_all_who_ask_the_same(
    client: Client, board: dict[str, Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditional, "PAGES", conditional.Pages(2))
    first = client.get("/?suite=tiny@1")
    with CaptureQueriesContext(connection) as queries:
        again = client.get("/?suite=tiny@1")
    assert again.content == first.content
    assert {**again.headers, "X-Request-ID": ""} == {**first.headers, "X-Request-ID": ""}
    assert len(queries) == 1
    for path in ("/?suite=tiny@1&sort=model", "/?suite=tiny@1&sort=-model"):  # two others push it out
        client.get(path)
    with CaptureQueriesContext(connection) as queries:
        client.get("/?suite=tiny@1")
    assert len(queries) > 1
