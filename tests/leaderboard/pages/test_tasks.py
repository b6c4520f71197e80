"""The page of a task: where it is used, and what its items tell."""

import csv
import gzip
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leaderboard.models import SampleChunk, Submission, Suite, WorkerToken
from leaderboard.queries import item_texts
from tests.conftest import release_suite
from tests.leaderboard.pages import answered, made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]

# Item 1 nobody, 2 everybody, 3 and 4 the able three alone, 5 the other three alone: its key is wrong.
TABLE = [[0.0, 1.0, 1.0, 1.0, 0.0]] * 3 + [[0.0, 1.0, 0.0, 0.0, 1.0]] * 3


def page(client: Client) -> Element:
    reply = client.get("/tasks/alpha")
    assert reply.status_code == 200
    return tree(reply)


def lists(found: Element) -> list[tuple[str, list[str]]]:
    """Each list's heading and its items' first lines."""
    return [
        (one.one("h3").text, [item.one("p", "row").text for item in one.all("li") if item.all("p", "row")])
        for one in found.all("details", "item-list")
    ]


def test_where_it_is_used_newest_first(client: Client, suite: Suite) -> None:
    release_suite("Another version.")
    found = page(client)
    assert [row.one("th").text for row in found.one("table").one("tbody").all("tr")] == ["tiny@2", "tiny@1"]
    assert "No model has answers to single items" in found.text


def test_hand_worked_items(client: Client, make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    found = page(client)
    assert "6 models measured here" in found.text
    twin = {row.one("th").text: row.one("td").text for row in found.one("details", "twin").one("tbody").all("tr")}
    assert {name: count for name, count in twin.items() if count != "0"} == {
        "Nobody": "1", "50 to below 60 % of the models": "3", "Everybody": "1",
    }  # fmt: skip
    assert len(twin) == 12
    assert len(found.one("svg", "histogram").all("rect", "part")) == 1
    assert len(found.one("svg", "histogram").all("rect", "end")) == 2
    (nobody, everybody, least) = lists(found)
    assert nobody[0] == "Nobody solves 1 item"
    assert nobody[1][0].startswith("Item 1 solved by 0 of 6")
    assert everybody[1][0].startswith("Item 2 solved by 6 of 6")
    assert least[0] == "The least telling item: 1 may be mislabelled"
    assert least[1][0].startswith("Item 5 solved by 3 of 6 discrimination −1.00 may be mislabelled")


def test_few_models_get_a_sentence_and_no_numbers(client: Client, make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE[:4])
    found = page(client)
    assert "4 models answered these items. Fewer than 5 say little" in found.text
    assert not found.all("svg", "histogram")
    assert client.get("/tasks/alpha/items.csv").content.decode().count("\n") == 1


def test_graded_scores_are_said_to_count_from_a_half(client: Client, make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, [[0.5, 0.25]] * 5)
    found = page(client)
    assert "solved from a score of 0.5 on; this metric also gives scores between 0 and 1" in found.text
    assert [name for name, _ in lists(found)][:2] == ["Nobody solves 1 item", "Everybody solves 1 item"]


@pytest.fixture
def sampled(make_submission: Make, suite: Suite, worker_token: WorkerToken, files: Path) -> Submission:
    """A model with stored samples, of which item 1 is hostile and item 2 multiple choice; five others without."""
    odd = {"prompts": ("<script>x</script>\u202e\x00",), "responses": ("no",), "target": "a\x1bb"}
    choice = {
        "prompts": ("France:␟ Paris", "France:␟ Rome"),
        "responses": ("(-1.0, True)", "(-2.0, False)"),
        "target": "0",
    }
    row = made.measure(make_submission("org/s"), worker_token, TABLE[0], {0: odd, 1: choice}, each=2)
    answered.answered(make_submission, suite, TABLE[1:])
    return row


def test_items_show_their_texts_with_nothing_hidden(client: Client, sampled: Submission) -> None:
    reply = client.get("/tasks/alpha")
    text = reply.content.decode()
    assert [one for one in ("<script>x", "\u202e", "\x00", "\x1b") if one in text] == []
    found = tree(reply)
    nobody, everybody, _ = found.all("details", "item-list")
    assert nobody.one("pre", "text").text == "<script>x</script>U+202EU+0000"
    assert nobody.one("p", "target").text == "Target aU+001Bb"
    assert everybody.one("pre", "text").text == "France:"
    assert [one.text for one in everybody.one("ol", "options").all("li")] == ["Paris", "Rome"]


def test_a_lost_or_damaged_chunk_costs_its_texts_and_nothing_else(client: Client, sampled: Submission) -> None:
    first, second = SampleChunk.objects.order_by("sequence")[:2]
    default_storage.delete(first.path)
    Path(default_storage.path(second.path)).write_bytes(gzip.compress(b"{")[:-9])
    nobody, everybody, least = page(client).all("details", "item-list")
    assert "No text of it" in nobody.text
    assert "No text of it" in everybody.text
    assert least.one("p", "target").text == "Target 4"


def test_no_more_samples_are_read_than_the_page_may(
    client: Client, sampled: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_texts, "READ_BYTES", 1)
    nobody, everybody, _ = page(client).all("details", "item-list")
    assert nobody.one("p", "target").text == "Target aU+001Bb"  # the first line is read before it is counted
    assert "No text of it" in everybody.text


def test_the_csv_has_every_item(client: Client, make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    reply = client.get("/tasks/alpha/items.csv")
    rows = list(csv.DictReader(StringIO(reply.content.decode())))
    assert [(row["item"], row["models"], row["solved"], row["discrimination"]) for row in rows] == [
        ("1", "6", "0", ""), ("2", "6", "6", ""), ("3", "6", "3", ""), ("4", "6", "3", ""), ("5", "6", "3", "-1"),
    ]  # fmt: skip
    assert rows[0]["item_hash"] == answered.item_set("alpha", 5).hashes[:32].hex()


def test_the_api(client: Client, make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    listed = client.get("/api/v1/tasks/").json()["results"]
    assert [(one["task"], one["suites"][0]["suite"]) for one in listed] == [("alpha", "tiny@1"), ("beta", "tiny@1")]
    found = client.get("/api/v1/tasks/alpha/").json()
    assert (found["task"], found["title"], found["more_item_sets"]) == ("alpha", "Alpha", 0)
    (items,) = found["item_sets"]
    assert (items["items"], items["models"], items["suites"]) == (5, 6, ["tiny@1"])
    assert items["solved"] == [0, 6, 3, 3, 3]
    assert items["discrimination"] == [None, None, None, None, -1.0]
    schema = client.get("/api/schema/?format=json").json()["components"]["schemas"]["ItemSetOut"]["properties"]
    assert set(items) == set(schema)


@pytest.mark.slow
def test_a_thousand_models_with_a_thousand_items_are_quick(
    client: Client, make_submission: Make, suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    answered.many(make_submission, suite, 1_000, 1_000)
    client.get("/login")
    took = {}
    for path in ("/tasks/alpha", "/suites/tiny/1", "/suites/", "/api/v1/tasks/alpha/", "/tasks/alpha/items.csv"):
        with CaptureQueriesContext(connection) as queries:
            before = time.process_time()
            reply: Any = client.get(path)
            took[path] = round(time.process_time() - before, 3)
        assert reply.status_code == 200
        assert len(queries) <= 8, path
    with capsys.disabled():
        print("\nCPU seconds with 1,000 models x 1,000 items:", took)
    assert max(took.values()) < 0.5
