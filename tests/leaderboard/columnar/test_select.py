from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.columnar import table
from leaderboard.columnar.facts import FACETS, size_class
from leaderboard.columnar.search import parse
from leaderboard.columnar.select import OWN, UNKNOWN, FacetValue, Wanted, select
from leaderboard.columnar.stored import from_bytes, to_bytes
from tests.leaderboard.columnar.made import columns_of, table_of

ROWS = [
    {"model": "org/best", "rank": 1, "score": 80.0, "kind": "open", "parameters": 7e9, "score:alpha": 0.9},
    {"model": "org/next", "rank": 2, "score": 70.0, "kind": "proprietary", "flagged": True, "score:alpha": 0.5},
    {"model": "Other/Last", "rank": 3, "score": 20.0, "kind": "open", "parameters": 70e9, "flagged": False},
    {"model": "other/none", "kind": "open", "parameters": 1e9, "score:alpha": 0.7},
]


def names(wanted: Wanted) -> list[str]:
    columns = columns_of(ROWS)
    return [columns.text("model", row) for row in select(columns, wanted).rows]


def searched(text: str) -> list[str]:
    return names(Wanted(terms=parse(text, {"alpha": 0.01})))


def test_by_rank_and_what_has_none_comes_last() -> None:
    assert names(Wanted()) == ["org/best", "org/next", "Other/Last", "other/none"]
    assert names(Wanted(sort="rank", descending=True)) == ["Other/Last", "org/next", "org/best", "other/none"]


@pytest.mark.parametrize("descending", [False, True])
def test_missing_values_come_last_either_way(descending: bool) -> None:
    assert names(Wanted(sort="parameters", descending=descending))[-1] == "org/next"
    assert names(Wanted(sort="score:alpha", descending=descending))[-1] == "Other/Last"
    assert names(Wanted(sort="flagged", descending=descending))[-2:] == ["org/best", "other/none"]


def test_by_name_whatever_the_case() -> None:
    assert names(Wanted(sort="model")) == ["org/best", "org/next", "Other/Last", "other/none"]
    assert names(Wanted(sort="model", descending=True))[0] == "other/none"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ORG", ["org/best", "org/next"]),
        ("other last", ["Other/Last"]),
        ("-other", ["org/best", "org/next"]),
        ("size:<10", ["org/best", "other/none"]),
        ("-size:<10", ["org/next", "Other/Last"]),
        ("kind:prop", ["org/next"]),
        ("flagged:unknown", ["org/best", "other/none"]),
        ("alpha:>=70", ["org/best", "other/none"]),
        ("size:7", ["org/best"]),
        ("nothing", []),
    ],
)
def test_a_search_leaves_what_fits(text: str, left: list[str]) -> None:
    assert searched(text) == left


def test_counts_of_a_facet_say_what_a_click_would_show() -> None:
    found = select(columns_of(ROWS), Wanted(chosen={"kind": ["open"], "flagged": ["no"]}))
    assert len(found.rows) == 1
    assert found.facets["kind"] == [FacetValue("open", 1, True)]
    assert found.facets["flagged"] == [FacetValue("no", 1, True), FacetValue(UNKNOWN, 2, False)]


def test_values_of_one_facet_are_alternatives() -> None:
    assert len(names(Wanted(chosen={"kind": ["open", "proprietary"]}))) == 4
    assert names(Wanted(chosen={"flagged": ["yes", UNKNOWN]})) == ["org/best", "org/next", "other/none"]
    assert names(Wanted(chosen={"kind": ["there is none"]})) == []


def test_a_score_of_ones_own_is_a_column_to_sort_by() -> None:
    own = np.array([np.nan, 20.0, 30.0, 10.0])
    columns = columns_of([{} for _ in own])
    assert select(columns, Wanted(own=own, sort=OWN, descending=True)).rows.tolist() == [2, 1, 3, 0]
    assert select(columns, Wanted(own=own, sort=OWN)).rows.tolist() == [3, 1, 2, 0]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(["open", "proprietary"]),
                "licence": st.sampled_from(["mit", "apache-2.0"]),
                "rank": st.integers(1, 9),
                "score": st.floats(0, 100),
            },
        ),
        max_size=20,
    ),
    st.lists(st.sampled_from(["mit", "apache-2.0", UNKNOWN]), max_size=2),
)
def test_facets_count_what_selecting_shows(rows: list[dict[str, object]], licences: list[str]) -> None:
    columns = columns_of(rows)
    found = select(columns, Wanted(chosen={"licence": licences}))
    for name in ("kind", "licence"):
        for value in found.facets[name]:
            chosen = {"licence": licences, name: [value.value]}
            assert len(select(columns, Wanted(chosen=chosen)).rows) == value.count


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    stored = table_of(ROWS)
    table.write(from_bytes(to_bytes(stored)), tmp_path / "board.arrow")
    back = table.read(tmp_path / "board.arrow")
    assert repr(back.table.to_pydict()) == repr(stored.to_pydict())
    assert back.tasks == ("alpha", "beta")
    assert [path.name for path in tmp_path.iterdir()] == ["board.arrow"]
    assert [fact.name for fact in FACETS if fact.name not in back.table.column_names] == []
    assert isinstance(back.table, pa.Table)


@pytest.mark.parametrize(
    ("parameters", "title"),
    [(None, None), (0, None), (float("nan"), None), (135e6, "under 1 B"), (1e9, "1-4 B"), (405e9, "80 B and more")],
)
def test_size_classes(parameters: float | None, title: str | None) -> None:
    assert size_class(parameters) == title


def test_an_empty_ranking_has_nothing_to_show() -> None:
    found = select(columns_of([]), Wanted(sort="kind"))
    assert found.rows.tolist() == []
    assert all(values == [] for values in found.facets.values())


LETTERS = st.text(alphabet="abAB-/é☃", max_size=12)


@given(
    st.lists(LETTERS, min_size=1, max_size=20),
    st.text(alphabet="abA-é☃", min_size=1, max_size=10),
    st.sampled_from([8, 16, table.BLOCK]),
)
def test_a_word_is_found_where_the_name_holds_it(names: list[str], word: str, block: int) -> None:
    """Short words are looked for in another way than long ones, block by block; none is found across a name's end."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table, "BLOCK", block)
        found = columns_of([{"model": name} for name in names]).containing(word)
    assert found.tolist() == [word.lower() in name.lower() for name in names]


def test_an_empty_word_is_everywhere_and_a_revision_begins_with_its_own() -> None:
    columns = columns_of([{"model": "org/a", "sha": "abcd" * 10}, {"model": "org/b", "sha": "f" * 40}])
    assert columns.containing("").tolist() == [True, True]
    assert columns.containing("abcdA").tolist() == [True, False]
    assert columns_of([]).containing("a").tolist() == []


SCORES = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 2.5]), st.floats(0, 100))


@given(st.lists(st.tuples(SCORES, st.integers(0, 3), st.sampled_from("abc")), max_size=30), st.booleans())
def test_rows_are_ordered_by_value_then_rank_then_name(rows: list[tuple[float | None, int, str]], down: bool) -> None:
    columns = columns_of([{"score": score, "rank": rank, "model": name} for score, rank, name in rows])
    keys = [
        (score is None, 0 if score is None else -score if down else score, rank or np.inf, name, place)
        for place, (score, rank, name) in enumerate(rows)
    ]
    assert columns.order("score", descending=down).tolist() == [key[-1] for key in sorted(keys)]


def test_terms_that_were_asked_before_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = columns_of(ROWS)
    monkeypatch.setattr("leaderboard.columnar.select.MOST_TERMS_KEPT", 2)
    asked = ("org", "-org", "size:<10", "org", "alpha:>=70", "org")
    first = [select(columns, Wanted(terms=parse(text, {"alpha": 0.01}))).rows.tolist() for text in asked]
    monkeypatch.setattr("leaderboard.columnar.select.holds", lambda *_: pytest.fail("it was asked before"))
    for text, rows in list(zip(asked, first, strict=True))[-2:]:
        assert select(columns, Wanted(terms=parse(text, {"alpha": 0.01}))).rows.tolist() == rows
    assert first[0] == first[3] == [0, 1] and first[1] == [2, 3]


WRITTEN: dict[Any, Any] = {None: UNKNOWN, True: "yes", False: "no"}
FACTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["open", "proprietary"]),
        "licence": st.sampled_from([None, "mit", "apache-2.0"]),
        "precision": st.sampled_from([None, "bfloat16"]),
        "flagged": st.sampled_from([None, True, False]),
    }
)


@given(st.lists(FACTS, max_size=12), st.sampled_from([1, 6, 4_096]), st.sampled_from([[], ["open"], ["open", UNKNOWN]]))
def test_counts_are_the_same_however_many_facets_are_counted_together(
    rows: list[dict[str, str | bool | None]], cells: int, kinds: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("leaderboard.columnar.select.CELLS", cells)
        found = select(columns_of([{"model": "a", **row} for row in rows]), Wanted(chosen={"kind": kinds}))
    for name in ("kind", "licence", "precision", "flagged"):
        fitting = [row for row in rows if name == "kind" or not kinds or row["kind"] in kinds]
        told = [WRITTEN.get(row[name], row[name]) for row in fitting]
        counts = {value.value: value.count for value in found.facets[name]}
        assert counts == {value: told.count(value) for value in counts} and set(told) <= set(counts)
