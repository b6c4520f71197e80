import json
from collections.abc import Sequence
from typing import Any

import pytest

from evaluator.contract import encode
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Revision, Submission, Suite
from leaderboard.queries.board import PAGE_SIZE, Board, standing_of
from leaderboard.queries.board import board as ranked_page
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.selection import Asked, suite_named
from tests.conftest import suite_spec
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Rows = dict[str, Submission]


def released(name: str, version: int = 1) -> Suite:
    spec = suite_spec(name, version)
    return release(spec, json.loads(encode(spec)), None)


def ranking(page: int = 1, page_size: int = PAGE_SIZE, pins: Sequence[str] = (), **question: Any) -> Board:
    return ranked_page(Asked(**question), page=page, page_size=page_size, pins=pins)


def board_of(**question: Any) -> Board:
    return ranking(suite="tiny@1", **question)


def names(**question: Any) -> list[str]:
    return [row.model_name for row in board_of(**question).rows]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("open", ["org/best", "org/tied", "other/none"]),
        ("proprietary", ["other/last"]),
        ("", ["org/best", "org/tied", "other/last", "other/none"]),
    ],
)
def test_models_of_one_kind(board: Rows, kind: str, shown: list[str]) -> None:
    assert names(chosen={"kind": [kind]}) == shown


def test_a_kind_and_a_search_narrow_together(board: Rows) -> None:
    assert names(chosen={"kind": ["open"]}, search="other") == ["other/none"]
    assert names(chosen={"kind": ["proprietary"]}, search="org") == []


def test_a_facet_counts_what_a_click_would_show(board: Rows) -> None:
    def kinds(**question: Any) -> list[tuple[str, int, bool]]:
        facet = next((facet for facet in board_of(**question).facets if facet.name == "kind"), None)
        return [(one.value, one.count, one.chosen) for one in facet.values] if facet else []

    assert kinds() == [("open", 3, False), ("proprietary", 1, False)]
    assert kinds(chosen={"kind": ["open"]}) == [("open", 3, True), ("proprietary", 1, False)]
    assert kinds(search="org") == []  # all are open: there is nothing to choose


def test_a_filter_that_does_not_exist_is_refused(board: Rows) -> None:
    with pytest.raises(BadQuery, match="There is no filter 'colour'"):
        names(chosen={"colour": ["red"]})


def test_a_filter_keeps_ranks_and_columns_as_they_are(board: Rows) -> None:
    everything, some = board_of(), board_of(chosen={"kind": ["proprietary"]})
    assert [row.rank for row in some.rows] == [3]
    assert some.columns == everything.columns
    assert (some.count, everything.count) == (1, 4)


def test_an_unknown_kind_is_refused(board: Rows) -> None:
    for kind in ("closed", "OPEN", "open ", "\x00"):
        with pytest.raises(BadQuery, match="There is: open, proprietary") as refusal:
            names(chosen={"kind": [kind]})
        assert (refusal.value.code, refusal.value.status) == ("bad_kind", 400)


def test_a_search_finds_the_beginning_of_a_revision(board: Rows) -> None:
    Revision.objects.filter(model__name="org/tied").update(sha="c0ffee" + "0" * 34)
    build_snapshot(suite=Suite.objects.get())
    assert names(search="C0FFEE") == ["org/tied"]
    assert names(search="0ffee") == []


def test_no_character_of_a_search_means_anything_else(board: Rows) -> None:
    for search in ("%", "_", "\\", "'", '"; --', "org best tied"):
        assert names(search=search) == [], search


def test_pages_neither_repeat_nor_lose_a_row(make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, 23)
    for sort in ("", "-rank", "score", "-score", "alpha", "-model", "parameters", "-stderr"):
        pages = [names(sort=sort, page=page, page_size=5) for page in (1, 2, 3, 4, 5)]
        assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
        assert sorted(name for page in pages for name in page) == [f"org/m{index:03}" for index in range(23)], sort


def test_a_page_counts_its_rows_from_one(make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, 23)
    last = board_of(page=5, page_size=5)
    assert (last.first, last.last, last.count, last.pages) == (21, 23, 23, 5)


def test_there_is_no_page_outside_the_ranking(make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, 23)
    for page in (-1, 0, 6):
        with pytest.raises(Missing, match="there are 5"):
            names(page=page, page_size=5)


def test_a_suite_without_a_ranking_has_one_empty_page(suite: Suite) -> None:
    empty = board_of()
    assert (empty.snapshot, empty.rows, empty.count, empty.pages, empty.facets) == (None, [], 0, 1, [])
    with pytest.raises(Missing):
        names(page=2)


def test_without_a_name_the_suite_that_was_ranked_last_is_meant(board: Rows) -> None:
    assert suite_named("").slug == "tiny@1"
    build_snapshot(suite=released("atlas"))
    assert suite_named("").slug == "atlas@1"


def test_before_any_ranking_the_starter_suite_is_meant_or_else_the_first(db: None) -> None:
    with pytest.raises(Missing, match=r"manage\.py load_suites"):
        suite_named("")
    released("atlas")
    assert suite_named("").slug == "atlas@1"
    released("starter", 1)
    released("starter", 2)
    assert suite_named("").slug == "starter@2"


def page_of(submission: int) -> int | None:
    found = standing_of(Submission.objects.get(pk=submission))
    return found[1] if found else None


def test_the_page_of_a_row_is_the_one_that_shows_it(make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, PAGE_SIZE + 2)
    Submission.objects.filter(score=89.9).update(unranked_reason="why")
    build_snapshot(suite=suite)
    for page in (1, 2):
        shown = board_of(page=page).rows
        assert {page_of(row.submission_id or 0) for row in shown} == {page}
    assert shown[-1].unranked_reason == "why"


def test_a_submission_that_another_replaced_is_on_no_page(
    board: Rows, suite: Suite, make_submission: made.Make
) -> None:
    row = board["org/best"].pk
    assert page_of(row) == 1
    build_snapshot(suite=released("atlas"))
    assert page_of(row) == 1
    made.succeed(make_submission("org/best"), 10.0)
    build_snapshot(suite=suite)
    assert page_of(row) is None
