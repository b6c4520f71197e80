"""`/diff/{a}/{b}` and its API: what was lost and gained, with both outputs."""

import math
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from leaderboard import chunks
from leaderboard.models import SampleChunk, Submission, Suite, WorkerToken
from tests.leaderboard.compared import OTHER, finished, imported
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
ODD = "a\x00b\ud800\u202e<script>alert(1)</script>"
BEFORE = [1.0] * 40 + [0.0] * 10
AFTER = [0.0] * 30 + [1.0] * 20


@pytest.fixture
def pair(make_submission: made.Make, worker_token: WorkerToken, files: Path) -> tuple[Submission, Submission]:
    """Of alpha's 50 items the second loses the first 30 and gains the last 10; beta is the same."""
    before = made.measure(make_submission(), worker_token, BEFORE, {1: {"responses": ("before",)}})
    changed = {1: {"responses": (ODD,), "answers": {"none": ODD}}}
    return before, made.measure(make_submission(settings=OTHER), worker_token, AFTER, changed)


def address(pair: tuple[Any, Any], query: str = "") -> str:
    named = [f"{'s' if isinstance(row, Submission) else 'i'}{row.pk}" for row in pair]
    return f"/diff/{named[0]}/{named[1]}{query}"


def page(client: Client, pair: tuple[Any, Any], query: str = "") -> Element:
    reply = client.get(address(pair, query))
    assert reply.status_code == 200
    return tree(reply)


def api(client: Client, pair: tuple[Any, Any], query: str = "", status: int = 200) -> dict[str, Any]:
    reply = client.get(f"/api/v1{address(pair)}/{query}")
    assert reply.status_code == status
    assert reply.content.isascii()
    return dict(reply.json())


def documents(found: Element) -> list[int]:
    return [int(one.all("h3")[0].text.removeprefix("Alpha, document ")) for one in found.all("article")]


def test_counts_and_tests_by_task(client: Client, pair: tuple[Submission, Submission]) -> None:
    """McNemar with 10 to 30 discordant items: mid-p, X ~ Bin(40, 1/2), and twice that in a family of two."""
    ways = [math.comb(40, k) for k in range(11)]
    found = api(client, pair)
    alpha, beta = found["tasks"]
    assert (alpha["regressed"], alpha["improved"], alpha["same"]) == (30, 10, 10)
    assert (alpha["against"]["verdict"], alpha["against"]["test"]) == ("worse", "McNemar")
    assert alpha["against"]["p_unequal"] == pytest.approx(2 * (2 * sum(ways) - ways[10]) / 2**40)
    assert (beta["regressed"], beta["improved"], beta["same"]) == (0, 0, 2)
    row = page(client, pair).one("table").all("tr")[1]
    assert [cell.text for cell in row.all("td")[:3]] == ["30", "10", "10"]
    assert "▼ worse" in row.text and "−40.0" in row.text


def test_the_items_that_differ_stand_side_by_side(client: Client, pair: tuple[Submission, Submission]) -> None:
    found = page(client, pair)
    assert documents(found) == list(range(20))
    assert documents(page(client, pair, "?page=2")) == [*range(20, 30), *range(40, 50)]
    assert documents(page(client, pair, "?show=improved")) == list(range(40, 50))
    assert documents(page(client, pair, "?show=regressed&page=2&task=alpha")) == list(range(20, 30))
    assert documents(page(client, pair, "?task=beta")) == []
    first, second = found.all("article")[1].all("div", "output")
    assert (first.one("pre").text, second.one("pre").text) == (
        "before", "aU+0000bU+D800U+202E<script>alert(1)</script>",
    )  # fmt: skip
    assert [one.one("span", "grade").text for one in (first, second)] == ["Right", "Wrong"]
    late = page(client, pair, "?show=improved").all("article")[0].all("div", "output")
    assert [one.links()["Its sample"] for one in late] == [
        f"/submissions/{row.pk}/samples/alpha?page=3#s1" for row in pair
    ]


def test_hostile_outputs_stay_texts(client: Client, pair: tuple[Submission, Submission]) -> None:
    body = client.get(address(pair)).content.decode()
    assert not set(body) & set("\x00\u202e")
    assert "<script>alert" not in body
    assert api(client, pair)["items"][1]["after"]["sample"]["responses"] == [ODD]


def test_the_api_pages_and_filters_alike(client: Client, pair: tuple[Submission, Submission]) -> None:
    found = api(client, pair, "?show=improved&task=alpha")
    assert (found["count"], found["pages"], len(found["items"])) == (10, 1, 10)
    one = found["items"][0]
    assert (one["change"], one["before"]["score"], one["after"]["score"]) == ("improved", 0.0, 1.0)
    assert one["before"]["sample"]["item_hash"] == one["after"]["sample"]["item_hash"] == one["item_hash"]


def test_samples_are_matched_by_item_not_by_place(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, files: Path, suite: Suite
) -> None:
    """The second begins five items later: its item 0 is the first one's item 5."""
    before = finished(make_submission, "org/a", {"alpha": [1.0] * 40, "beta": [1.0, 0.0]})
    after = finished(make_submission, "org/b", {"alpha": [0.0] * 40, "beta": [1.0, 0.0]}, start=5)
    found = api(client, (before, after))
    assert (found["tasks"][0]["regressed"], found["tasks"][0]["against"]["items"]) == (35, 35)
    assert found["items"][0]["before"]["sample"] is None  # none were stored
    assert "Its sample cannot be read." in page(client, (before, after)).text


def test_an_import_has_scores_and_no_samples(client: Client, suite: Suite, pair: tuple[Submission, Submission]) -> None:
    bare = imported(suite, "else/bare", {"alpha": AFTER, "beta": [1.0, 0.0]})
    assert "Not compared: it was imported without its items." in page(client, (pair[0], bare)).text
    assert api(client, (pair[0], bare), status=409)["code"] == "different_items"


def test_lost_samples_are_told(client: Client, files: Path, pair: tuple[Submission, Submission]) -> None:
    for chunk in SampleChunk.objects.filter(job__submission=pair[1]):
        (files / chunk.path).unlink()
    found = page(client, pair)
    assert "Chunk 0 of the samples cannot be read any more." in found.one("p", "notice").text
    assert len(found.all("article")) == 20


def test_no_chunk_is_read_that_is_not_shown(
    client: Client, pair: tuple[Submission, Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of 7: items 40 to 49 are in three of the eight of each side."""
    opened: list[str] = []
    stock = chunks.default_storage.open
    monkeypatch.setattr(chunks.default_storage, "open", lambda path: (opened.append(path), stock(path))[1])
    assert documents(page(client, pair, "?show=improved")) == list(range(40, 50))
    assert len(opened) == 2 * 3


def test_queries_are_few(
    client: Client, pair: tuple[Submission, Submission], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(10):  # two of them for hidden texts
        client.get(address(pair))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?page=0", 404), ("?page=9", 404), ("?page=x", 400), ("?show=none", 400), ("?task=gamma", 404),
        ("?task=%00", 404), ("?margin=x", 400), ("?task=" + "x" * 10_000, 400),
    ],
)  # fmt: skip
def test_odd_questions(client: Client, pair: tuple[Submission, Submission], query: str, status: int) -> None:
    assert client.get(address(pair, query)).status_code == status
    assert client.get(f"/api/v1{address(pair)}/{query}").status_code in {status, 400}


@pytest.mark.parametrize(
    ("path", "status"), [("s1/x", 404), ("org/model", 404), ("s999999/i1", 404), ("s%00/s1", 404), ("S/S", 400)]
)
def test_odd_addresses(client: Client, pair: tuple[Submission, Submission], path: str, status: int) -> None:
    path = path.replace("S", f"s{pair[0].pk}")
    assert client.get(f"/diff/{path}").status_code == status
    assert client.get(f"/api/v1/diff/{path}/").status_code == status
