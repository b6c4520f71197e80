"""What a page shows is what the API says: the board, a submission, a model, a suite, the queue."""

from collections.abc import Callable

import pytest
from django.test import Client

from leaderboard.models import Submission, Suite
from tests.benchmarks.board.api import measured
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("collected")]
Make = Callable[..., Submission]


@pytest.fixture
def ranked(make_submission: Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


def words(client: Client, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200
    return tree(reply).one("main").text


@pytest.mark.parametrize("query", ["", "&sort=-model", "&search=org", "&kind=open", "&search=alpha:%3E50"])
def test_the_board(client: Client, ranked: dict[str, Submission], query: str) -> None:
    rows = client.get(f"/api/v1/leaderboard/?suite=tiny@1{query}").json()["results"]
    assert rows
    shown = client.get(f"/?suite=tiny@1{query}").content.decode()
    places = [shown.index(f"/models/{row['model']}") for row in rows]
    assert places == sorted(places)
    assert {name for name in ranked if f"/models/{name}" in shown} == {row["model"] for row in rows}
    for row in rows:
        if row["score"] is not None:
            assert f"{row['score']:.2f}" in shown


def test_a_submission(client: Client, ranked: dict[str, Submission]) -> None:
    row = ranked["org/best"]
    said, shown = client.get(f"/api/v1/submissions/{row.pk}/").json(), words(client, f"/submissions/{row.pk}")
    assert f"{said['score']:.2f}" in shown
    for one in (said["model"].split("/")[1], said["suite"], said["state"].capitalize(), said["revision"][:8]):
        assert one in shown
    for result in said["results"]:
        assert result["title"] in shown


def test_a_model_and_a_suite(client: Client, ranked: dict[str, Submission]) -> None:
    said, shown = client.get("/api/v1/models/org/best/").json(), words(client, "/models/org/best")
    assert f"{said['standings'][0]['score']:.2f}" in shown
    assert all(one["sha"][:8] in shown for one in said["revisions"])
    said, shown = client.get("/api/v1/suites/tiny@1/").json(), words(client, "/suites/tiny/1")
    assert all(task["title"] in shown for task in said["definition"]["tasks"])
    assert str(said["models"]["measured"]) in shown


def test_the_queue(client: Client, make_submission: Make) -> None:
    for number in range(3):
        make_submission(f"org/waits-{number}")
    shown = words(client, "/queue")
    for row in client.get("/api/v1/submissions/?state=queued").json()["results"]:
        assert row["model"].split("/")[1] in shown
        assert client.get(f"/api/v1/submissions/{row['id']}/").json()["queue_position"] in (1, 2, 3)


def test_the_benchmark_of_the_api_measures(ranked: dict[str, Submission]) -> None:
    found = measured("tiny@1", requests=3)
    assert set(found) >= {"api_board_p99_ms", "api_304_p99_ms", "token_check_ms", "parquet_s", "parquet_growth_mb"}
    assert found["api_board_p99_ms"] >= found["api_board_p50_ms"] > 0
    assert found["parquet_mb"] > 0
