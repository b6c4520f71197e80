from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Revision, Submission, Suite
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db


def page(client: Client, name: str = "org/model") -> Element:
    reply = client.get(f"/models/{name}")
    assert reply.status_code == 200
    return tree(reply)


def cells(table: Element) -> list[list[str]]:
    return [[cell.text for cell in line.all() if cell.tag in {"th", "td"}] for line in table.one("tbody").all("tr")]


@pytest.mark.parametrize("name", ["org/none", "ORG/model", "org/model%00", "org/%3Cscript%3E", "org/" + "m" * 3_000])
def test_an_unknown_model_is_404_in_plain_words(client: Client, make_submission: made.Make, name: str) -> None:
    make_submission()
    reply = client.get(f"/models/{name}")
    assert reply.status_code == 404
    assert tree(reply).one("p", "lede").text.startswith("There is no model '")


@pytest.mark.parametrize("path", ["/models/", "/models/org", "/models/org/", "/models/org/a/b"])
def test_what_is_no_models_address_is_404(client: Client, db: None, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert tree(reply).one("h1").text == "Not found"


def test_facts_are_told(client: Client, make_submission: made.Make) -> None:
    make_submission()
    Model.objects.update(
        licence="mit", base_model="org/base", modalities=["text", "image"], released_on="2026-03-01", kind="proprietary"
    )
    facts = [fact.text for fact in page(client).one("p", "facts").all("span")]
    assert facts == ["proprietary", "licence mit", "from org/base", "text, image", "released 1 Mar 2026"]


def test_revisions_are_listed_newest_first(client: Client, make_submission: made.Make) -> None:
    made.end(make_submission(sha="a" * 40), "failed")
    make_submission(sha="b" * 40)
    Revision.objects.filter(sha="b" * 40).update(
        architecture="LlamaForCausalLM", parameters=46_700_000_000, active_parameters=12_900_000_000,
        context_length=32_768, dtype="bfloat16", chat_template=True, source="hub",
    )  # fmt: skip
    table = page(client).one("div", "pane", aria_label="Revisions")
    assert cells(table) == [
        [
            "bbbbbbbbbbbb", "Hugging Face Hub", "LlamaForCausalLM", "46.7 B (12.9 B active)", "32768", "bfloat16",
            "yes",
        ],
        ["aaaaaaaaaaaa", "local mirror", "–", "–", "–", "–", "no"],
    ]  # fmt: skip


def test_it_stands_where_the_newest_rankings_put_it(client: Client, make_submission: made.Make, suite: Suite) -> None:
    row = made.succeed(make_submission(), 50.0)
    build_snapshot(suite=suite)
    made.succeed(make_submission("org/better"), 90.0)
    build_snapshot(suite=suite)
    table = page(client).one("div", "pane", aria_label="Rankings")
    assert [line[:4] for line in cells(table)] == [["tiny@1", "2", "50.00", "± 1.00"]]
    board, submission = (table.links()[text] for text in ("tiny@1", "aaaaaaaa"))
    assert board == f"/?suite=tiny%401&search=org/model#s{row.pk}"
    assert submission == f"/submissions/{row.pk}"
    assert tree(client.get(board)).one("tr", id=f"s{row.pk}")


def test_a_result_without_a_rank_says_why(client: Client, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), None, reason=made.REASON)
    made.succeed(make_submission("org/unsure"), 50.0, stderr=None, reason="There is no standard error for Alpha.")
    build_snapshot(suite=suite)
    missing = page(client).one("div", "pane", aria_label="Rankings")
    assert cells(missing)[0][1:4] == ["–", "–", f"Not ranked. {made.REASON}"]
    unsure = page(client, "org/unsure").one("div", "pane", aria_label="Rankings")
    assert cells(unsure)[0][1:4] == ["–", "50.00", "–"]
    assert cells(unsure)[1] == ["Not ranked. There is no standard error for Alpha."]


def test_before_its_first_result_it_says_what_to_do(client: Client, make_submission: made.Make) -> None:
    make_submission()
    assert page(client).one("div", "empty").links() == {"Submit it to a suite": "/submit?model=org/model"}


def test_every_attempt_is_listed(client: Client, make_submission: made.Make) -> None:
    failed = made.end(make_submission(), "failed")
    done = made.succeed(make_submission(), 61.25, stderr=1.5)
    listed = page(client).one("ul", "lines")
    assert [link["href"] for link in listed.all("a")] == [f"/submissions/{done.pk}", f"/submissions/{failed.pk}"]
    assert [line.one("span", "middle").text for line in listed.all("li")] == ["Succeeded 61.25 ± 1.50", "Failed"]


def test_a_model_that_was_only_asked_for_lists_no_attempts_of_others(
    client: Client, make_submission: made.Make
) -> None:
    make_submission("org/other")
    Model.objects.create(name="org/model")
    assert page(client).one("p", "none").text == "Nobody has submitted it yet."


def test_hostile_facts_are_text(client: Client, make_submission: made.Make) -> None:
    make_submission("<b>/\u202emodel")
    Model.objects.update(licence="<script>alert(1)</script>", base_model="\u2066x")
    Revision.objects.update(architecture="<i>\u202e", dtype="<u>")
    found = page(client, "%3Cb%3E/%E2%80%AEmodel")
    assert found.one("h1").text == "⟨U+202E⟩model"
    assert "licence <script>alert(1)</script> from ⟨U+2066⟩x" in found.one("p", "facts").text
    assert cells(found.one("div", "pane", aria_label="Revisions"))[0][2] == "<i>⟨U+202E⟩"


def test_every_model_on_the_board_has_its_page(client: Client, board: dict[str, Submission]) -> None:
    links = [link["href"] for link in tree(client.get("/")).all("a", "name")]
    assert [client.get(link).status_code for link in links] == [200] * 4


def test_queries_do_not_grow_with_the_attempts(
    client: Client, make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for index in range(8):
        made.succeed(make_submission(sha=f"{index:040x}"), 50.0)
    build_snapshot(suite=suite)
    page(client)  # the first reader of a ranking fetches its columns
    with django_assert_max_num_queries(7):
        page(client)
