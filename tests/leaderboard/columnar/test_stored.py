from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.columnar.ranking import with_ranks
from leaderboard.columnar.stored import applied, difference, from_bytes, joined, to_bytes
from leaderboard.columnar.table import RANKS, task_column
from tests.leaderboard.columnar.made import Values, content, table_of

ROW = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["org/a", "org/b", "Org/Ä", "x/\u202e"]),
        "score": st.floats(0, 100) | st.just(float("nan")),
        "kind": st.sampled_from(["open", "proprietary", None]),
        "licence": st.sampled_from(["mit", "apache-2.0", None]),
        "flagged": st.sampled_from([True, False, None]),
        "why": st.sampled_from(["", "No data."]),
    }
)
PARTS = ("stderr", "n", "normalised")


def table(rows: list[Values], parts: set[str], first: int) -> pa.Table:
    """A table with these parts of task alpha beside its score, and a reason why alpha is missing; keys from `first`."""
    made = table_of([{"submission": first + place, **row} for place, row in enumerate(rows)])
    for part in sorted(parts):
        values = np.arange(len(rows), dtype=float) / 7
        made = made.append_column(pa.field(task_column(part, "alpha"), pa.float64()), pa.array(values))
    if "n" in parts:
        reasons = pa.array(["No data." if place % 2 else None for place in range(len(rows))], pa.string())
        made = made.append_column(task_column("unavailable", "alpha"), reasons.dictionary_encode())
    return made


@given(st.data(), st.lists(ROW, min_size=1, max_size=8), st.lists(ROW, max_size=4))
def test_what_differs_and_the_base_give_the_whole_again(data: Any, old: list[Values], new: list[Values]) -> None:
    base = table(old, data.draw(st.sets(st.sampled_from(PARTS))), 1)
    fresh = table(new, data.draw(st.sets(st.sampled_from(PARTS))), 100)
    gone = sorted(data.draw(st.sets(st.integers(0, len(old) - 1))))
    whole = joined(base, gone, fresh)
    expected = {key: row for place, (key, row) in enumerate(content(base).items()) if place not in gone}
    assert content(whole) == expected | content(fresh)
    ranks = data.draw(st.lists(st.integers(0, 9), min_size=whole.num_rows, max_size=whole.num_rows))
    whole = with_ranks(whole, {name: np.array(ranks, dtype=np.int32) for name in RANKS})
    kept = applied(from_bytes(to_bytes(base)), difference(gone, fresh, whole))
    assert content(kept) == content(whole)
    assert kept.schema.metadata == base.schema.metadata


def test_a_difference_is_small() -> None:
    base = table_of([{"submission": number, "score": number / 60} for number in range(1, 6_001)])
    fresh = table_of([{"submission": 10_000, "score": 50.0}])
    whole = joined(base, [17], fresh)
    assert len(difference([17], fresh, whole)) < 0.2 * len(to_bytes(whole))


def test_choices_of_the_two_are_one_column() -> None:
    base, fresh = table_of([{"licence": "mit"}]), table_of([{"licence": "apache-2.0", "submission": 9}])
    whole = joined(base, [], fresh)
    assert whole["licence"].num_chunks == 1
    assert whole["licence"].to_pylist() == ["mit", "apache-2.0"]
