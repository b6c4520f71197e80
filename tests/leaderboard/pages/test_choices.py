"""What a reader chooses on the board: columns, views, weights, pins and details, all of it in the address."""

import pytest
from django.test import Client

from leaderboard.models import Submission, Suite
from leaderboard.queries.board import MOST_PINS
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def board(make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


def page(client: Client, query: str = "") -> Element:
    reply = client.get(f"/?suite=tiny@1{query}")
    assert reply.status_code == 200
    return tree(reply.content.decode())


def headings(document: Element) -> list[str]:
    table = next(one for one in document.all("table") if "board" in (one.get("class") or "").split())
    return [span.text for span in table.one("thead").all("span", "label")]


def keys(document: Element) -> list[str]:
    return [row["id"] for row in document.all("tr") if "data-row" in row.attributes]


def test_columns_are_picked(client: Client, board: dict[str, Submission]) -> None:
    assert headings(page(client)) == ["Rank", "Model", "Score", "Alpha", "Beta", "Size"]
    assert headings(page(client, "&col=beta")) == ["Rank", "Model", "Score", "Beta", "Size"]


def test_percentiles_are_shown_and_keep_the_order(client: Client, board: dict[str, Submission]) -> None:
    assert keys(page(client, "&scores=percentile&sort=-alpha")) == keys(page(client, "&sort=-alpha"))


def test_weights_make_a_column_that_orders_the_rows(client: Client, board: dict[str, Submission]) -> None:
    document = page(client, "&w.alpha=2&w.beta=1")
    assert headings(document)[:4] == ["Rank", "Model", "Score", "Your score"]
    scores = [cell.text.split()[0] for cell in document.all("td") if "own" in (cell.get("class") or "").split()]
    known = [float(text) for text in scores if text != "–"]
    assert known == sorted(known, reverse=True) and scores[: len(known)] == [f"{score:.2f}" for score in known]


def test_a_pin_puts_a_row_on_top_and_again_lets_it_go(client: Client, board: dict[str, Submission]) -> None:
    key = f"s{board['other/last'].pk}"
    document = page(client, f"&pin={key}")
    assert keys(document)[0] == f"pinned-{key}"
    link = next(one for one in document.all("a") if one.get("id") == f"pin-{key}")
    assert link["href"] == "?suite=tiny%401" and link["aria-label"].startswith("Unpin")
    compare = next(one for one in document.all("a") if one.get("id") == "compare")
    assert compare["href"] == f"/compare?m={key}"


def test_a_row_opens(client: Client, board: dict[str, Submission]) -> None:
    key = f"s{board['org/best'].pk}"
    document = page(client, f"&open={key}")
    opened = next(one for one in document.all("tr") if one.get("id") == f"{key}-details")
    assert "Alpha" in opened.text and f"Submission {board['org/best'].pk}" in opened.text
    more = next(one for one in document.all("a") if one.get("id") == f"more-{key}")
    assert more["aria-expanded"] == "true" and more["href"] == "?suite=tiny%401"


def test_a_form_with_empty_fields_leaves_a_short_address(client: Client, board: dict[str, Submission]) -> None:
    reply = client.get("/?suite=tiny@1&search=&w.alpha=&w.beta=2", headers=HTMX)
    assert reply["HX-Replace-Url"] == "/?suite=tiny%401&w.beta=2"
    assert "HX-Replace-Url" not in client.get("/?suite=tiny@1&w.beta=2", headers=HTMX)


@pytest.mark.parametrize(
    "query",
    [
        "&col=__class__", "&w.none=1", "&w.alpha=x", "&w.alpha=-1", "&w.alpha=nan", "&w.alpha=1e9", "&sort=own",
        "&pin=x", "&pin=s0", "&pin=s1;DROP", "&scores=mine", "&col=%00", f"&pin={'s' * 9000}",
        "".join(f"&pin=s{number}" for number in range(1, MOST_PINS + 2)),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(client: Client, board: dict[str, Submission], query: str) -> None:
    assert client.get(f"/?suite=tiny@1{query}").status_code == 400


def test_a_pin_that_the_ranking_does_not_hold_is_left_out(client: Client, board: dict[str, Submission]) -> None:
    assert not [key for key in keys(page(client, "&pin=s999999")) if key.startswith("pinned")]
