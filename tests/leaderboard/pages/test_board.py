import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from evaluator.contract import encode
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Submission, Suite
from tests.conftest import suite_spec
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def page(client: Client, query: str = "", **headers: str) -> Element:
    reply = client.get(f"/{query}", headers=headers)
    assert reply.status_code == 200
    return tree(reply)


def table(page: Element) -> Element:
    return page.one("table", "board")


def names(client: Client, query: str = "") -> list[str]:
    return [row.one("a", "name")["title"] for row in table(page(client, query)).one("tbody").all("tr")]


def row(page: Element, model: str) -> Element:
    found = [row for row in table(page).one("tbody").all("tr") if row.one("a", "name")["title"] == model]
    assert len(found) == 1
    return found[0]


def second_suite() -> Suite:
    spec = suite_spec(name="atlas", version=2)
    return release(spec, json.loads(encode(spec)), None)


def test_the_front_page_is_the_suite_that_was_ranked_last(client: Client, board: dict[str, Submission]) -> None:
    second_suite()
    assert page(client).one("h1").text == "Tiny tiny@1"
    assert names(client) == names(client, "?suite=tiny@1") == ["org/best", "org/tied", "other/last", "other/none"]


def test_suites_are_tabs_and_the_one_shown_is_marked(client: Client, board: dict[str, Submission]) -> None:
    second_suite()
    tabs = page(client).one("nav", "tabs")
    assert tabs.links() == {"atlas@2": "?suite=atlas%402", "tiny@1": "?suite=tiny%401"}
    assert tabs.one("a", aria_current="page").text == "tiny@1"


@pytest.mark.parametrize("query", ["?suite=none@1", "?suite=%00", "?suite=tiny", "?suite=" + "x" * 5_000])
def test_an_unknown_suite_is_404_in_plain_words(client: Client, suite: Suite, query: str) -> None:
    reply = client.get(f"/{query}")
    assert reply.status_code == 404
    assert tree(reply).one("p", "lede").text.startswith("There is no suite '")


def test_before_any_suite_the_operator_learns_what_to_do(client: Client) -> None:
    reply = client.get("/")
    assert reply.status_code == 404
    assert "manage.py load_suites" in tree(reply).one("p", "lede").text


BAD_QUESTIONS = [
    ("sort=__class__", 400, "There is no column '__class__' to sort by. Columns: rank, score, stderr, model"),
    ("sort=alpha__score", 400, "no column 'alpha__score'"),
    ("sort=--score", 400, "no column '-score'"),
    ("sort=%00", 400, r"no column '\x00'"),
    ("page=x", 400, "A page is a whole number, not 'x'."),
    ("page=-1", 400, "A page is a whole number, not '-1'."),
    ("page=1e3", 400, "A page is a whole number"),
    ("page=%D9%A3", 400, "A page is a whole number"),
    ("page=" + "9" * 10_000, 400, "A page is a whole number"),
    ("page=0", 404, "There is no page 0; there are 1."),
    ("page=2", 404, "There is no page 2; there are 1."),
    ("search=" + "x" * 501, 400, "A search has at most 500 characters."),
    ("search=a%00b", 400, "A search cannot hold the character NUL."),
    ("sort=" + "score," * 2_000, 400, "There is no column 'score,score,"),
    ("sort=score;DROP TABLE leaderboard_snapshot", 400, "There is no column 'score;DROP TABLE"),
    ("sort=tasks.alpha", 400, "There is no column 'tasks.alpha'"),
    ("sort=score%0aasc", 400, r"There is no column 'score\nasc'"),
    ("suite=" + "s" * 10_000, 404, "There is no suite 'sss"),
    ("suite=tiny@1'--", 404, "There is no suite"),
    ("search=" + "a " * 5_000, 400, "A search has at most 500 characters."),
    ("search=" + "a " * 21, 400, "A search has at most 20 terms."),
    ("search=__class__:x", 400, "There is no field '__class__'."),
    ("search=size:(a%2B)%2B$", 400, "size is a number: write size:<10 or size:7..70, not '(a+)+$'."),
    ("search=released:>2024-13", 400, "released is a date"),
    ("scores=__dict__", 400, "Scores are normalised, raw or percentile, not '__dict__'."),
    ("licence=" + "l" * 10_000, 400, "No model here has the licence 'lll"),
    ("licence='; DELETE FROM leaderboard_model --", 400, "No model here has the licence"),
    ("kind=closed", 400, "No model here has the kind 'closed'. There is: open, proprietary, unknown."),
    ("license=mit", 400, "There is no parameter 'license' here. Parameters: architecture, "),
    ("suite=tiny@1&q=a&q=b", 400, "There is no parameter 'q' here."),
    ("%00" + "x" * 10_000, 400, "There is no parameter '\\x00xxx"),
    ("w=2", 400, "w.TASK."),
]


def test_a_question_without_an_answer_gets_plain_words(client: Client, board: dict[str, Submission]) -> None:
    for query, status, words in BAD_QUESTIONS:
        reply = client.get(f"/?{query}")
        assert reply.status_code == status, query
        found = tree(reply)
        assert words in found.one("p", "lede").text
        assert found.one("a", "button").text == "Go to the board"


@pytest.mark.parametrize("path", ["/", "/embed", "/board.csv", "/board.json", "/board.parquet"])
def test_a_parameter_that_nobody_knows_is_refused_by_name(
    client: Client, board: dict[str, Submission], path: str
) -> None:
    reply = client.get(f"{path}?suite=tiny@1&colour=red")
    assert (reply.status_code, "ETag" in reply) == (400, False)
    assert "There is no parameter 'colour' here." in tree(reply).one("p", "lede").text
    known = "suite=tiny@1&sort=-score&search=org&scores=raw&col=alpha&page=1&pin=s1&open=s1&kind=open&w.alpha=1"
    assert client.get(f"{path}?{known}").status_code == 200


def test_where_a_reader_comes_from_asks_nothing(client: Client, board: dict[str, Submission]) -> None:
    assert names(client, "?utm_source=letter&utm_id=7&fbclid=abc&mc_cid=1") == names(client)


ODD_SEARCHES = [
    "(a+)+$ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "(.*)*x.*.*.*.*y", "[", "\\", "%", "_", "' OR 1=1 --",
    "'; DROP TABLE leaderboard_snapshot; --", "${jndi:ldap://x}", "{{ 7*7 }}", "<script>", "\u202e", "\u0130",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD_SEARCHES)
def test_a_search_has_no_patterns_and_no_sql(client: Client, board: dict[str, Submission], text: str) -> None:
    """Each is looked for as it is written, and no model is called so."""
    found = tree(client.get("/", {"search": text}))
    assert found.one("div", "empty").one("h2").text == "No model matches"
    assert len(names(client)) == 4


ORDERS = {
    "rank": ["org/best", "org/tied", "other/last", "other/none"],
    "-rank": ["other/last", "org/tied", "org/best", "other/none"],
    "score": ["other/last", "org/tied", "org/best", "other/none"],
    "-score": ["org/best", "org/tied", "other/last", "other/none"],
    "alpha": ["other/last", "org/tied", "org/best", "other/none"],
    "-alpha": ["org/best", "org/tied", "other/last", "other/none"],
    "-model": ["other/none", "other/last", "org/tied", "org/best"],
}


def test_what_was_not_measured_comes_last_in_both_directions(client: Client, board: dict[str, Submission]) -> None:
    assert {sort: names(client, f"?sort={sort}") for sort in ORDERS} == ORDERS


def headings(found: Element) -> dict[str, tuple[str | None, str]]:
    """Column to (aria-sort, where its link goes)."""
    cells = table(found).one("thead").all("th")
    return {cell.all("a")[0].text: (cell.get("aria-sort"), cell.all("a")[0]["href"]) for cell in cells if cell.all("a")}


def test_headings_say_how_it_is_sorted_and_link_to_the_other_way(client: Client, board: dict[str, Submission]) -> None:
    assert headings(page(client)) == {
        "Rank": ("ascending", "?sort=-rank"),
        "Model": (None, "?sort=model"),
        "Score": (None, "?sort=-score"),
        "Alpha": (None, "?sort=-alpha"),
        "Beta": (None, "?sort=-beta"),
        "Size": (None, "?sort=-parameters"),
    }
    down, up = (headings(page(client, f"?sort={sort}")) for sort in ("-score", "score"))
    assert (down["Score"], up["Score"]) == (("descending", "?sort=score"), ("ascending", "?sort=-score"))
    assert down["Rank"] == (None, "?sort=rank")
    assert headings(page(client, "?sort=model"))["Model"] == ("ascending", "?sort=-model")


def test_a_sort_keeps_the_search_and_starts_at_the_first_page(client: Client, board: dict[str, Submission]) -> None:
    found = page(client, "?suite=tiny@1&search=org&page=1")
    assert headings(found)["Score"][1] == "?suite=tiny%401&search=org&sort=-score"
    link = found.one("a", id="sort-score")
    assert (link["hx-get"], link["hx-push-url"]) == (link["href"], "true")


def test_a_search_keeps_the_sort(client: Client, board: dict[str, Submission]) -> None:
    found = page(client, "?sort=-score&search=org")
    assert found.one("input", name="sort", form="filters")["value"] == "-score"
    assert found.one("input", id="search")["value"] == "org"
    assert found.one("p", id="count").text.startswith("2 rows match, ranked")


def test_rank_intervals_and_the_best_of_a_column_are_shown(client: Client, board: dict[str, Submission]) -> None:
    found = page(client)
    assert [row(found, name).one("td", "rank").text for name in board] == ["1 1–2", "2 1–2", "3", "–"]
    assert row(found, "org/best").one("td", "score").text == "80.00±2.0"
    assert [cell.text for cell in row(found, "org/tied").all("td", "num")] == ["79.5", "79.5", "–"]
    assert [best.text for best in table(found).all("", "best")] == ["80.00", "80.0", "80.0"]
    assert row(found, "org/best")["id"] == f"s{board['org/best'].pk}"


def test_a_row_without_a_rank_says_why(client: Client, board: dict[str, Submission]) -> None:
    none = row(page(client), "other/none")
    why = none.one("details", "why")
    assert why.one("summary").text == "– Not ranked: why?"
    assert made.REASON in why.one("p").text
    cells = none.all("a", "dash")
    assert [cell["aria-label"] for cell in cells] == ["Not measured: No data."] * 2
    assert cells[0]["href"] == f"/submissions/{board['other/none'].pk}"


def test_a_scored_row_can_be_unranked_and_is_never_the_best(
    client: Client, make_submission: made.Make, suite: Suite
) -> None:
    made.succeed(make_submission("org/sure"), 50.0)
    made.succeed(make_submission("org/unsure"), 99.0, stderr=None, reason="There is no standard error for Alpha.")
    build_snapshot(suite=suite)
    found = page(client)
    unsure = row(found, "org/unsure")
    assert unsure.one("td", "rank").text == "–"
    assert "There is no standard error for Alpha." in unsure.one("details", "why").text
    assert [best.text for best in table(found).all("", "best")] == ["50.00", "50.0", "50.0"]


def test_htmx_gets_the_table_and_everyone_else_the_page(client: Client, board: dict[str, Submission]) -> None:
    whole, part = client.get("/"), client.get("/", headers=HTMX)
    assert whole.content.startswith(b"<!doctype html>")
    assert b"<html" not in part.content
    found = tree(part)
    assert len(table(found).one("tbody").all("tr")) == 4
    assert found.one("p", id="count")["hx-swap-oob"] == "innerHTML"
    assert found.one("title").text == "Tiny (tiny@1) · Parity"


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_htmx_that_navigates_gets_the_page_as_a_person_would(
    client: Client, board: dict[str, Submission], header: str
) -> None:
    found = page(client, **HTMX, **{header: "true"})
    assert found.one("p", id="count").get("hx-swap-oob") is None
    assert len(found.one("html").all("title")) == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_replies_say_that_they_depend_on_htmx(
    client: Client, board: dict[str, Submission], headers: dict[str, str]
) -> None:
    assert "HX-Request" in client.get("/", headers=headers)["Vary"]


def test_hostile_names_are_text(client: Client, make_submission: made.Make, suite: Suite) -> None:
    hostile = '"><script>alert(1)</script>/\u202egpj.exe\u2066'
    row = make_submission(hostile)
    made.succeed(row, None, reason="<img src=x onerror=alert(1)>\u202e")
    build_snapshot(suite=suite)
    reply = client.get("/")
    found = table(tree(reply))
    assert found.one("", "name").text == '"><script>alert(1)</script>/⟨U+202E⟩gpj.exe⟨U+2066⟩'
    assert "<img src=x onerror=alert(1)>⟨U+202E⟩" in found.one("details", "why").text
    assert not found.all("script") and not found.all("img")
    assert "\u202e" not in reply.content.decode()


def test_a_search_is_repeated_as_text(client: Client, board: dict[str, Submission]) -> None:
    found = page(client, "?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert found.one("input", id="search")["value"] == '"><script>alert(1)</script>'
    assert all(script.get("src") for script in found.all("script"))


def test_queries_do_not_grow_with_the_rows(
    client: Client, make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    made.many(make_submission, suite, 60)
    with django_assert_max_num_queries(8):
        assert len(names(client)) == 50


def test_an_empty_board_says_what_to_do(client: Client, suite: Suite) -> None:
    empty = page(client).one("div", "empty")
    assert empty.one("h2").text == "Nothing was evaluated on this suite yet"
    assert empty.links() == {"Submit a model": "/submit?suite=tiny%401"}


def test_a_search_without_a_match_leads_back(client: Client, board: dict[str, Submission]) -> None:
    empty = page(client, "?search=nobody").one("div", "empty")
    assert empty.links() == {"Show all models": "?suite=tiny%401"}
    assert names(client, empty.links()["Show all models"]) == names(client)


def test_pages_follow_each_other(client: Client, make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, 60)
    first = page(client, "?sort=-score")
    pager = first.one("nav", "pager")
    assert "1–50 of 60" in pager.text
    assert pager.links() == {"Next": "?sort=-score&page=2"}
    second = page(client, pager.links()["Next"])
    assert second.one("nav", "pager").links() == {"Previous": "?sort=-score&page=1"}
    assert "51–60 of 60" in second.one("nav", "pager").text
    listed = [one["title"] for found in (first, second) for one in table(found).all("a", "name")]
    assert listed == [f"org/m{index:03}" for index in range(60)]


def test_kinds_are_a_filter_only_where_there_are_two(client: Client, board: dict[str, Submission]) -> None:
    found = page(client, "?kind=proprietary")
    assert names(client, "?kind=proprietary") == ["other/last"]
    kinds = found.all("input", type="checkbox", name="kind")
    assert [one["value"] for one in kinds if "checked" in one.attributes] == ["proprietary"]
    Model.objects.update(kind="open")
    build_snapshot(suite=Suite.objects.get())
    assert not page(client).all("input", type="checkbox", name="kind")


def test_what_a_suite_measures_is_listed(client: Client, suite: Suite) -> None:
    about = page(client).one("details", "about")
    lines = [[cell.text for cell in line.all("td")] for line in about.one("tbody").all("tr")]
    assert lines == [
        ["alpha", "acc", "task’s own", "all", "25.0"],
        ["beta", "exact_match (strict)", "task’s own", "all", "0.0"],
    ]


def test_only_reading_is_possible(client: Client, board: dict[str, Submission]) -> None:
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 405
