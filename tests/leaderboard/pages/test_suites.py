"""The list of suites and the page of one: what it measures, how its results lie, what its versions changed."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client

from evaluator.contract import TaskSpec, encode
from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.imports.open_llm_leaderboard import SUITE, read
from leaderboard.models import Model, Revision, Submission, Suite
from tests.conftest import suite_spec
from tests.leaderboard.imports.made import row, table
from tests.leaderboard.pages import answered, made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def page(client: Client, path: str = "/suites/tiny/1") -> Element:
    reply = client.get(path)
    assert reply.status_code == 200
    return tree(reply)


def cells(row: Element) -> list[str]:
    return [cell.text for cell in row.children if isinstance(cell, Element)]


@pytest.fixture
def second(suite: Suite) -> Suite:
    """tiny@2: alpha with five examples, beta gone, gamma new, counted from chance."""
    spec = suite_spec(version=2, normalise=True)
    gamma = TaskSpec(task="gamma", title="Gamma", metric="acc", limit=100)
    spec = msgspec.structs.replace(spec, tasks=(msgspec.structs.replace(spec.tasks[0], num_fewshot=5), gamma))
    return release(spec, json.loads(encode(spec)), None)


def test_the_list_has_each_name_once_and_leads_on(client: Client, board: Any, second: Suite) -> None:
    (card,) = page(client, "/suites/").all("li", "card")
    assert card.links() == {
        "Tiny": "/suites/tiny/2", "Alpha": "/tasks/alpha", "Gamma": "/tasks/gamma", "tiny@1": "/suites/tiny/1",
        "Board of tiny@2": "/?suite=tiny%402",
    }  # fmt: skip
    assert "0 models measured here" in card.text


def test_an_empty_site_says_what_to_do(client: Client) -> None:
    assert "load_suites" in page(client, "/suites/").one("div", "empty").text


def test_the_tasks_and_their_settings(client: Client, suite: Suite) -> None:
    found = page(client)
    rows = found.all("table")[0].one("tbody").all("tr")
    assert [cells(row) for row in rows] == [
        ["Alpha", "alpha", "all", "task’s own", "acc", "none", "25.0", "higher", "unknown here"],
        ["Beta", "beta", "all", "task’s own", "exact_match", "strict", "0.0", "higher", "unknown here"],
    ]
    assert "Not known: nothing was measured yet." in found.text
    assert found.links()["Submit a model"] == "/submit?suite=tiny%401"
    assert found.links()["Show the board"] == "/?suite=tiny%401"


def test_spread_saturation_and_noise_by_hand(client: Client, make_submission: Make, suite: Suite) -> None:
    """Scores of alpha 25, 50, 75 and 100; beta is 50 for all. Every standard error is 1 point."""
    for number, score in enumerate((0.25, 0.5, 0.75, 1.0)):
        made.succeed(make_submission(f"org/m{number}"), 50.0, tasks={"alpha": score, "beta": 0.5})
    made.succeed(make_submission("org/none"), None)
    found = page(client)
    assert "4 models measured here" in found.text
    twin = found.all("details", "twin")[0].one("tbody").all("tr")
    # Quartiles of four numbers lie between them: 25 + 0.75 * 25. Noise: 1.96 * sqrt(2) * 1 point.
    assert cells(twin[0]) == ["Alpha", "4", "25.0", "43.8", "62.5", "81.2", "100.0", "25.0", "2.8", "1 of 4"]
    assert cells(twin[1]) == ["Beta", "4", "50.0", "50.0", "50.0", "50.0", "50.0", "0.0", "2.8", "0 of 4"]
    said = [one.text for one in found.one("table", "spreads").all("td", "wrap")]
    assert said[0].startswith("In part: 1 of the best 4 models reach 100")
    assert said[1].startswith("No: none of the best 4 models reaches 100.")
    # Of the mean of two tasks: 1.96 * sqrt(2 * (1 + 1)) / 2 = 1.96.
    assert "less than 2.0 points apart" in found.text
    strip = found.all("svg", "strip")[0]
    assert strip["aria-label"] == "Alpha: scores of 4 models from 25.0 to 100.0, median 62.5"
    assert strip.one("path", "dots")["d"].count("M") == 4


def test_a_model_counts_once_by_its_newest_run(client: Client, make_submission: Make, suite: Suite) -> None:
    made.succeed(make_submission("org/a"), 20.0)
    made.succeed(make_submission("org/a", sha="b" * 40), 80.0)
    made.end(make_submission("org/b"), "failed")
    twin = page(client).all("details", "twin")[0].one("tbody").all("tr")
    assert cells(twin[0])[:3] == ["Alpha", "1", "80.0"]


def test_an_imported_suite_names_its_source_and_claims_no_noise(client: Client, tmp_path: Path) -> None:
    rows = (row("org/a", average="30"), row("org/b", average="30"), row("org/c", **{"BBH": "", "BBH Raw": ""}))
    imported = ensure_imported_suite(spec=SUITE)
    import_evaluations(source=read(table(tmp_path / "t.csv", *rows)), suite=imported)
    found = page(client, "/suites/open-llm-leaderboard-v2/1")
    assert "3 models imported" in found.text
    assert "measured here" not in found.one("p", "facts").text
    assert "no standard errors for every task" in found.text
    assert found.links()["Open LLM Leaderboard v2"].startswith("https://")
    counts = {cells(one)[0]: cells(one)[1] for one in found.all("details", "twin")[0].one("tbody").all("tr")}
    assert (counts["IFEval"], counts["BBH"]) == ("3", "2")
    assert "Chance" not in found.all("table")[0].text


def test_what_versions_changed_in_words_with_links_both_ways(client: Client, second: Suite) -> None:
    newer, older = page(client, "/suites/tiny/2"), page(client, "/suites/tiny/1")
    for found in (newer, older):
        changes = [one.text for one in found.one("ul", "changes").all("li")]
        assert changes == [
            "Added Gamma (gamma) acc, the task’s own examples shown, the first 100 items",
            "Removed Beta (beta) exact_match (strict), the task’s own examples shown, all items",
            "Changed Alpha (alpha): examples shown the task’s own →became 5",
            "Changed Scale of the score plain scores →became from chance (0) to perfect (100)",
        ]
    assert newer.one("ol", "versions").links() == {"tiny@1": "/suites/tiny/1"}
    assert "There is a newer version: tiny@2" in older.text
    assert "There is a newer version" not in newer.text


def test_the_csv_has_every_score_and_no_formula(client: Client, make_submission: Make, suite: Suite) -> None:
    made.succeed(make_submission("=cmd/x"), 50.0, tasks={"alpha": 0.25, "beta": None})
    reply = client.get("/suites/tiny/1/scores.csv")
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    assert reply["Content-Disposition"] == 'attachment; filename="tiny-1-scores.csv"'
    rows = list(csv.reader(StringIO(reply.content.decode())))
    assert rows == [
        ["suite", "task", "model", "origin", "score", "standard_error", "items"],
        ["tiny@1", "alpha", "'=cmd/x", "measured", "0.25", "0.01", "4"],
    ]


def test_hostile_texts_are_shown_and_run_nothing(client: Client, db: None) -> None:
    task = TaskSpec(task="a", title="<i>x", metric="<m>")
    spec = msgspec.structs.replace(suite_spec(), title="<script>\u202e", description="<b>x\x1b", tasks=(task,))
    release(spec, json.loads(encode(spec)), None)
    for path in ("/suites/", "/suites/tiny/1", "/tasks/a"):
        text = client.get(path).content.decode()
        assert [one for one in ("<script>⟨", "<b>x", "<i>x", "<m>", "\u202e", "\x1b") if one in text] == []


@pytest.mark.parametrize(
    "path",
    [
        "/suites/tiny/2", "/suites/tiny/0", "/suites/tiny/x", "/suites/tiny/-1", "/suites/tiny/01", "/suites/none/1",
        "/suites/tiny/%00", "/suites/%00/1", "/suites/tiny%401/1", "/suites/" + "x" * 10_000 + "/1",
        "/suites/tiny/" + "9" * 10_000, "/suites/%F0%9F%98%80/1", "/suites/%ff%fe/1", "/suites/tiny/1%0d%0aX: y",
        "/suites/tiny/2/scores.csv", "/suites/tiny/%00/scores.csv", "/suites/a%2Fb/1", "/suites//1",
        "/tasks/none", "/tasks/%00", "/tasks/" + "x" * 10_000, "/tasks/a/b/c", "/tasks/..%2F..%2Fetc", "/tasks/%ff",
        "/tasks/none/items.csv", "/tasks/%00/items.csv", "/tasks/alpha%0d%0aX:y",
        "/api/v1/suites/tiny@2/", "/api/v1/suites/tiny@%00/", "/api/v1/suites/@/", "/api/v1/suites/a@b@c/",
        "/api/v1/tasks/none/", "/api/v1/tasks/%00/", "/api/v1/tasks/" + "x" * 10_000 + "/", "/api/v1/tasks/a/b/",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_in_words(client: Client, suite: Suite, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    if path.startswith("/api/"):
        assert reply.json()["message"]
    else:
        assert tree(reply).one("h1").text == "Not found"
    assert len(reply.content) < 6_000


def test_an_unknown_version_names_the_newest(client: Client, second: Suite) -> None:
    reply = client.get("/suites/tiny/7")
    assert "The newest version of this suite is tiny@2." in tree(reply).one("p", "lede").text


def test_the_api_says_the_same(client: Client, make_submission: Make, second: Suite) -> None:
    for number, score in enumerate((0.25, 0.5, 0.75, 1.0)):
        made.succeed(make_submission(f"org/m{number}"), 50.0, tasks={"alpha": score, "beta": 0.5})
    found = client.get("/api/v1/suites/tiny@1/").json()
    assert found["definition"]["suite"] == "tiny@1"
    assert found["models"] == {"measured": 4, "imported": 0}
    assert found["noise_floor"] == pytest.approx(1.959964, abs=1e-6)
    assert found["spread"][0]["quartiles"] == [0.25, 0.4375, 0.625, 0.8125, 1.0]
    assert (found["spread"][0]["best"], found["spread"][0]["reaching"]) == (4, 1)
    assert [(one["suite"], len(one["changes"])) for one in found["versions"]] == [("tiny@2", 4), ("tiny@1", 0)]


def test_the_board_leads_here(client: Client, board: Any) -> None:
    links = tree(client.get("/?suite=tiny@1")).one("details", "about").links()
    assert (links["Alpha"], links["More about this suite"]) == ("/tasks/alpha", "/suites/tiny/1")
    assert tree(client.get("/")).one("header").links()["Suites"] == "/suites/"


def test_queries_stay_few(
    client: Client, make_submission: Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    answered.answered(make_submission, suite, [[1.0, 0.0]] * 8)
    assert Model.objects.count() == 8
    for path in ("/suites/", "/suites/tiny/1", "/api/v1/suites/tiny@1/", "/suites/tiny/1/scores.csv"):
        with django_assert_max_num_queries(8):
            assert client.get(path).status_code == 200


def test_the_data_have_their_licences_where_they_are_known(client: Client, tmp_path: Path) -> None:
    ensure_imported_suite(spec=SUITE)
    found = page(client, "/suites/open-llm-leaderboard-v2/1").one(
        "div", "pane", aria_label="Tasks of open-llm-leaderboard-v2@1"
    )
    assert {cells(row)[0]: cells(row)[-1] for row in found.one("tbody").all("tr")} == {
        "IFEval": "Apache-2.0", "BBH": "MIT", "MATH Lvl 5": "unknown here", "GPQA": "CC BY 4.0",
        "MUSR": "unknown here", "MMLU-PRO": "MIT",
    }  # fmt: skip


def test_the_boards_pins_are_marked_against_their_sizes(client: Client, make_submission: Make, suite: Suite) -> None:
    pinned = made.succeed(make_submission("org/pinned"), 40.0)
    better = made.succeed(make_submission("org/better"), 60.0)
    Revision.objects.update(parameters=7_000_000_000)
    build_snapshot(suite=suite)
    link = page(client, f"/?suite=tiny@1&pin=s{pinned.pk}").links()["Against their sizes"]
    assert link == f"/suites/tiny/1?pin=s{pinned.pk}#sizes"
    shown = page(client, link)
    lines = shown.one("div", "pane", aria_label="Pareto points").one("tbody").all("tr")
    assert [cells(line)[-2:] for line in lines] == [["yes", "pin"], ["no", "unpin"]]
    assert lines[1].one("th").text == "org/pinned pinned"
    both = page(client, f"/suites/tiny/1{lines[0].links()['pin']}")
    back = both.links()["The 2 pinned ones on the board"]
    assert back == f"/?suite=tiny%401&pin=s{pinned.pk}&pin=s{better.pk}"
    board = page(client, back).one("tbody", "pinned")
    assert [row.one("a", "name").text for row in board.all("tr")] == ["org/pinned", "org/better"]
    assert lines[1].links()["unpin"] == "?#sizes"


def test_scores_can_be_drawn_against_contexts(client: Client, make_submission: Make, suite: Suite) -> None:
    made.succeed(make_submission("org/one"), 40.0)
    made.succeed(make_submission("org/two"), 60.0)
    Revision.objects.update(parameters=7_000_000_000, context_length=8192)
    build_snapshot(suite=suite)
    found = page(client, "/suites/tiny/1?x=context")
    assert found.one("h2", id="sizes").text == "Scores against advertised context"
    lines = found.one("div", "pane", aria_label="Pareto points").one("tbody").all("tr")
    assert [(cells(line)[0], cells(line)[1]) for line in lines] == [("org/two", "8,192")]  # the front; the file has all
    assert found.links()["Parameters"] == "?x=parameters#sizes"
    table = client.get(found.one("section", aria_labelledby="sizes").links()["Download CSV"])
    assert table.content.decode().splitlines()[0].split(",")[5] == "context_tokens"
    empty = page(client, "/suites/tiny/1?x=measured").one("section", aria_labelledby="sizes")
    assert empty.one("div", "empty").text.startswith("No model of this ranking has a measured context yet")
    assert client.get("/suites/tiny/1?x=colour").status_code == 400
