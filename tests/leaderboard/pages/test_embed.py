"""What other sites show: a table that may be framed, and a badge."""

import pytest
from django.test import Client

from leaderboard.models import Submission, Suite
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def board(make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


def test_only_the_embedded_board_may_be_framed(client: Client, board: dict[str, Submission]) -> None:
    framed, whole = client.get("/embed?suite=tiny@1"), client.get("/?suite=tiny@1")
    assert "frame-ancestors *" in framed["Content-Security-Policy"] and "X-Frame-Options" not in framed
    assert "frame-ancestors 'none'" in whole["Content-Security-Policy"] and whole["X-Frame-Options"] == "DENY"


def test_an_embedded_board_follows_its_address_and_leads_to_the_whole(
    client: Client, board: dict[str, Submission]
) -> None:
    html = client.get("/embed?suite=tiny@1&search=org").content.decode()
    assert "org/best" in html and "other/last" not in html
    link = tree(html).one("h1").one("a")
    assert link["href"] == "/?suite=tiny%401&search=org"
    assert link["target"] == "_blank"


def test_a_badge_says_the_rank_and_its_interval(client: Client, board: dict[str, Submission]) -> None:
    row = next(one for one in made.rows("tiny@1") if one.model_name == "org/best")
    reply = client.get("/badge/tiny@1/org/best.svg")
    assert reply["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert reply["Cache-Control"] == "public, max-age=3600"
    place = f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
    assert f"rank {place} on tiny@1" in reply.content.decode()


def test_a_badge_of_what_has_no_rank_claims_none(client: Client, board: dict[str, Submission]) -> None:
    assert "not ranked on tiny@1" in client.get("/badge/tiny@1/other/none.svg").content.decode()


@pytest.mark.parametrize("path", ["/badge/tiny@1/org/nobody.svg", "/badge/none@1/org/best.svg", "/badge/tiny@1/x.svg"])
def test_a_badge_of_nothing_is_not_there(client: Client, board: dict[str, Submission], path: str) -> None:
    assert client.get(path).status_code == 404
