"""Looking for samples: by score, filter, length and text, answered or not; permalinks; hidden texts."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from leaderboard import chunks
from leaderboard.actions.accounts import create_person
from leaderboard.actions.hide_texts import hide_texts, show_texts
from leaderboard.models import Submission, User, WorkerToken
from leaderboard.queries import one_item, sample_lines
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree
from tests.leaderboard.pages.test_samples import documents, page

pytestmark = pytest.mark.django_db
Finished = Callable[..., Submission]
SECRET = "the answer is forty-two"


def hashed(number: int) -> str:
    return hashlib.sha256(f"alpha{number}".encode()).hexdigest()


@pytest.fixture
def finished(make_submission: made.Make, worker_token: WorkerToken, files: Path) -> Finished:
    def finish(
        scores: list[float], changes: dict[int, dict[str, Any]] | None = None, name: str = "org/model", each: int = 7
    ) -> Submission:
        return made.measure(make_submission(name), worker_token, scores, changes, each=each)

    return finish


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


def test_samples_are_found_by_what_is_asked(client: Client, finished: Finished) -> None:
    row = finished(
        [1.0, 0.0, 1.0, 0.0, 1.0],
        {
            1: {"responses": ("Nothing to say, at length. " * 20,), "answers": {"none": "[invalid]"}},
            2: {"prompts": ("A Needle in the prompt",), "thinking": ("x" * 900,)},
            3: {"responses": ("",), "answers": {"none": ""}},
            4: {"scores": {"none": {"acc": 1.0}, "strict": {"acc": 0.0}}},
        },
    )
    assert documents(page(client, row, "?answered=no")) == [1, 3]
    assert documents(page(client, row, "?answered=yes")) == [0, 2, 4]
    assert documents(page(client, row, "?longer=500")) == [1, 2]
    assert documents(page(client, row, "?longer=500&shorter=600")) == [1]
    assert documents(page(client, row, "?q=NEEDLE")) == [2]
    assert documents(page(client, row, "?filter=strict&show=wrong")) == [4]
    assert documents(page(client, row, "?show=wrong&answered=no&longer=1")) == [1]
    none = page(client, row, "?q=haystack")
    assert none.one("div", "empty").text == "Nothing found among samples 1–5."
    form = page(client, row, "?q=needle&answered=yes").one("form", "narrow-form")
    assert form.one("input", id="q")["value"] == "needle"
    assert "selected" in form.one("option", value="yes").attributes


def test_a_long_search_goes_on_where_it_stopped(
    client: Client, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = finished([1.0] * 50)
    first = page(client, row, "?q=2")
    assert documents(first) == list(range(20))
    assert first.one("nav", "pager").text.startswith("20 found among samples 1–20 of 50")
    link = first.links()["Look on"]
    assert documents(page(client, row, link)) == list(range(20, 40))
    sizes = [len(line.text) for line in sample_lines.lines_of("alpha", list(chunks.kept(row)))]
    monkeypatch.setattr(sample_lines, "MOST_READ", sum(sizes[:5]) - 1)
    assert documents(page(client, row, "?q=2")) == [0, 1, 2, 3, 4]  # until more than the most was read
    assert documents(page(client, row, "?q=2&after=45")) == [45, 46, 47, 48, 49]
    monkeypatch.setattr(sample_lines, "MOST_READ_FOR_ITEM", sum(sizes[:5]) - 1)
    late = page(client, row, f"?item={hashed(7)}")
    assert documents(late) == []
    assert documents(page(client, row, late.links()["Look on"])) == [7]


def test_a_sample_and_its_item_have_addresses_of_their_own(client: Client, finished: Finished) -> None:
    row = finished([1.0, 0.0, 1.0])
    article = page(client, row).all("article")[1]
    link = article.links()["permalink"]
    assert link == f"?item={hashed(1)}"
    shown = page(client, row, link)
    assert documents(shown) == [1]
    assert shown.links()["All samples of this task"] == f"/submissions/{row.pk}/samples/alpha"
    other = finished([0.0, 0.0, 1.0], {1: {"prompts": ("What is <b>it</b>?",)}}, name="org/other")
    across = tree(client.get(article.links()["all models"]))
    assert "solved by 0 of 2 models" in across.one("p", "facts").text
    rows = across.one("table").one("tbody").all("tr")
    assert [line.one("th").text for line in rows] == ["org/other", "org/model"]  # both wrong: the newest first
    assert rows[0].links()[f"sample of submission {other.pk}"] == (
        f"/submissions/{other.pk}/samples/alpha?item={hashed(1)}"
    )
    assert "<b>it" not in client.get(article.links()["all models"]).content.decode()
    first = tree(client.get(f"/items/alpha/{hashed(0)}"))
    assert [line.all("td")[1].text for line in first.one("table").one("tbody").all("tr")] == ["Right", "Wrong"]


def test_a_model_counts_once_by_its_newest_answer(client: Client, finished: Finished) -> None:
    finished([1.0, 0.0])
    again = finished([0.0, 1.0])
    found = tree(client.get(f"/items/alpha/{hashed(0)}"))
    assert "solved by 0 of 1 model " in found.one("p", "facts").text
    assert f"sample of submission {again.pk}" in found.links()


def test_of_many_models_the_newest_are_asked(
    client: Client, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        finished([1.0, 0.0], name=f"org/model{number}")
    monkeypatch.setattr(one_item, "MOST_MODELS", 2)
    found = tree(client.get(f"/items/alpha/{hashed(0)}"))
    assert "solved by 2 of the 2 models measured here last" in found.one("p", "facts").text
    rows = found.one("table").one("tbody").all("tr")
    assert [line.one("th").text for line in rows] == ["org/model2", "org/model1"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?longer=x", 400), ("?longer=-1", 400), ("?shorter=99999999", 400), ("?answered=maybe", 400),
        ("?q=" + "x" * 201, 400), ("?q=%00", 400), ("?item=x", 400), (f"?item={'0' * 64}", 404), ("?after=x", 400),
        ("?filter=" + "f" * 300, 400), ("?q=2&after=999", 200), ("?filter=nothing&show=right", 200),
    ],
)  # fmt: skip
def test_odd_questions_are_answered_in_words(client: Client, finished: Finished, query: str, status: int) -> None:
    row = finished([1.0] * 3)
    reply = client.get(f"/submissions/{row.pk}/samples/alpha{query}")
    assert reply.status_code == status
    assert tree(reply).one("h1").text


@pytest.mark.parametrize("path", ["alpha/x", f"alpha/{'0' * 64}", f"nothing/{'0' * 64}", f"beta/{hashed(0)}"])
def test_items_that_are_not_there_are_404(client: Client, finished: Finished, path: str) -> None:
    finished([1.0])
    assert client.get(f"/items/{path}").status_code == 404


def everywhere(client: Client, row: Submission, other: Submission) -> list[str]:
    """Every address at which a text of the task could be read."""
    return [
        f"/submissions/{row.pk}/samples/alpha", f"/submissions/{row.pk}/samples/alpha?item={hashed(0)}",
        f"/items/alpha/{hashed(0)}", "/tasks/alpha", f"/diff/s{row.pk}/s{other.pk}",
        f"/api/v1/submissions/{row.pk}/samples/", f"/api/v1/diff/s{row.pk}/s{other.pk}/",
    ]  # fmt: skip


def read(client: Client, path: str) -> str:
    reply: Any = client.get(path)
    assert reply.status_code == 200, path
    return (b"".join(reply.streaming_content) if reply.streaming else reply.content).decode()


def test_hidden_texts_are_nowhere_while_scores_are(client: Client, finished: Finished, staff: User) -> None:
    texts = {"prompts": (SECRET,), "responses": (SECRET,), "answers": {"none": SECRET}, "target": SECRET}
    row = finished([0.0, 1.0] * 12, {0: texts})
    other = finished([1.0, 1.0] * 12, {0: texts}, name="org/other")
    paths = everywhere(client, row, other)
    before = [SECRET in read(client, path) for path in paths]
    assert before == [True, True, True, False, True, True, True]  # of the task, fewer than 5 models say too little
    hide_texts(task="alpha", reason="Its licence forbids showing it.", by=staff)
    assert [SECRET in read(client, path) for path in paths] == [False] * len(paths)
    shown: Element = page(client, row)
    assert shown.all("article")[0].one("p", "notice").text.endswith("Its licence forbids showing it.")
    assert [one.one("span", "grade").text for one in shown.all("article")[:2]] == ["Wrong", "Right"]
    first = json.loads(read(client, f"/api/v1/submissions/{row.pk}/samples/?task=alpha").splitlines()[0])
    assert first["scores"] == {"none": {"acc": 0.0}} and first["prompts"] == []
    refused = client.get(f"/submissions/{row.pk}/samples/alpha?q=forty")
    assert refused.status_code == 400 and "are not shown" in refused.content.decode()
    show_texts(task="alpha", reason="The licence changed.", by=staff)
    assert [SECRET in read(client, path) for path in paths] == before
