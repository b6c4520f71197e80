"""What a page shows is what the API says: the board, a submission, a model, a suite, the queue."""

from collections.abc import Callable

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Revision, Submission, Suite
from tests.benchmarks.board.api import measured
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
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


@pytest.mark.parametrize("query", ["", "&kind=open", "&search=org"])
def test_the_boards_facets(client: Client, ranked: dict[str, Submission], query: str) -> None:
    Model.objects.filter(name="org/best").update(licence="mit", licence_family="permissive")
    build_snapshot(suite=Suite.objects.get(), anew=True)
    said = client.get(f"/api/v1/leaderboard/facets/?suite=tiny@1{query}").json()
    page = tree(client.get(f"/?suite=tiny@1{query}"))
    shown = {
        (box["name"], box["value"]): "checked" in box.attributes
        for box in page.one("details", "facets").all("input", type="checkbox")
        if box["name"] != "col"
    }
    assert shown == {
        (facet["name"], one["value"]): one["chosen"] for facet in said["facets"] for one in facet["values"]
    }
    assert page.one("p", "count").text.startswith(f"{said['count']} ")
    for facet in said["facets"]:
        listed = page.one("details", id=f"facet-{facet['name']}").all("li")
        assert [line.text for line in listed] == [f"{one['value']} {one['count']}" for one in facet["values"]]


def test_the_list_of_models(client: Client, ranked: dict[str, Submission]) -> None:
    said = {one["name"]: (one["measured"], one["imported"]) for one in client.get("/api/v1/models/").json()["results"]}
    assert said == dict.fromkeys(ranked, (1, 0))
    rows = tree(client.get("/models/")).one("table", "catalogue").one("tbody").all("tr")
    assert [[cell.text for cell in row.all("td")][-2:] for row in rows] == [["1", "–"]] * 4


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


@pytest.fixture
def family(make_submission: Make, suite: Suite) -> Submission:
    """org/m000 of known size and speed, which thirteen of fourteen others were made from."""
    made.many(make_submission, suite, 15)
    Model.objects.exclude(name="org/m014").update(base_model="org/m000")
    Model.objects.filter(name="org/m000").update(base_model="lab/absent", merged=True, licence_family="permissive")
    Revision.objects.update(parameters=7_000_000_000, context_length=8192)
    row = Submission.objects.get(requested_model="org/m000")
    told = {"hardware": "1 x H100", "engine": "vllm", "dtype": "bfloat16", "evaluation_seconds": 2.0}
    Submission.objects.filter(pk=row.pk).update(provenance=told)
    build_snapshot(suite=suite, anew=True)
    return row


def test_a_models_places_family_history_and_speed(client: Client, family: Submission) -> None:
    said, page = client.get("/api/v1/models/org/m000/").json(), tree(client.get("/models/org/m000"))
    assert (said["merged"], said["licence_family"], said["context_length"]) == (True, "permissive", 8192)
    [stands] = said["standings"]
    assert stands["size_class"] == "4-10 B"
    assert f"{stands['percentile']['others']} other evaluations of models of its size" in page.one("main").text
    assert set(stands["percentiles"]) == {"alpha", "beta"}
    lines = [line.text for line in page.one("div", "tree").all("li")]
    tree_of = said["family"]
    assert [one["name"] for one in tree_of["above"]] == ["lab/absent"] and not tree_of["above"][0]["known"]
    assert (tree_of["suite"], tree_of["made"], len(tree_of["children"])) == ("tiny@1", 13, 10)
    best = tree_of["children"][0]
    assert best["name"] in lines[2] and f"{abs(best['gain']):.1f} ± {best['half']:.1f}" in lines[2]
    assert [(one["evaluation"], one["score"]) for one in said["history"]] == [(f"s{family.pk}", stands["score"])]
    [speed] = said["speeds"]
    assert f"{speed['items_per_second']:.1f} items/s" in page.one("div", "pane", aria_label="Speed").text
    command = client.get(f"/api/v1/submissions/{family.pk}/").json()["command"]
    assert command == page.one("code", id=f"command{family.pk}").raw


def test_a_suites_sizes(client: Client, family: Submission) -> None:
    said = client.get(f"/api/v1/suites/tiny@1/sizes/?pin=s{family.pk}").json()
    assert (said["rows"], said["unsized"], len(said["drawn"])) == (15, 0, 15)
    assert [one["id"] for one in said["drawn"] if one["pinned"]] == [f"s{family.pk}"]
    table = tree(client.get("/suites/tiny/1")).one("div", "pane", aria_label="Pareto points").one("tbody")
    assert [line.one("th").text for line in table.all("tr")] == [
        one["model"] for one in said["drawn"] if one["front"]
    ]  # fmt: skip
    assert client.get("/api/v1/suites/tiny@1/sizes/?x=context").json()["axis"] == "context"
    assert client.get("/api/v1/suites/tiny@1/sizes/?x=colour").status_code == 400
    assert client.get("/api/v1/suites/nothing@1/sizes/").status_code == 404


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
