import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.columnar.ranking import ranked, standing
from leaderboard.columnar.table import Columns
from leaderboard.statistics.ranks import places, ranks
from tests.leaderboard.columnar.made import Values, table_of

NAN = float("nan")
Ranks = list[tuple[int, int, int]]


def ranks_of(rows: list[Values], *, imported: bool = False, decided: tuple[tuple[int, int], ...] = ()) -> Ranks:
    data = Columns(ranked(table_of(rows), imported=imported, decided=decided))
    return list(zip(*(data.number(name).tolist() for name in ("rank", "rank_low", "rank_high")), strict=True))


def test_measured_rows_have_ranks_with_intervals_and_the_rest_has_none() -> None:
    rows = [
        {"score": 50.0, "stderr": 1.0},
        {"score": 90.0, "stderr": 1.0},
        {"score": 50.5, "stderr": 1.0},
        {"score": 99.0, "stderr": 1.0, "why": "A task is missing."},
        {"score": 99.0, "stderr": NAN},
        {"submission": 0, "imported": 1, "score": 99.0, "stderr": 1.0},
    ]
    assert ranks_of(rows) == [(3, 2, 3), (1, 1, 1), (2, 2, 3), (0, 0, 0), (0, 0, 0), (0, 0, 0)]


def test_imports_alone_are_ranked_plainly_unless_all_of_them_know_their_error() -> None:
    rows = [{"submission": 0, "imported": key, "score": score} for key, score in enumerate((10.0, 30.0, 10.0), 1)]
    assert ranks_of(rows, imported=True) == [(2, 0, 0), (1, 0, 0), (2, 0, 0)]
    rows = [row | {"stderr": 20.0} for row in rows]
    assert ranks_of(rows, imported=True) == [(2, 1, 3), (1, 1, 3), (2, 1, 3)]


def test_pairs_that_were_told_apart_narrow_intervals() -> None:
    rows = [{"score": score, "stderr": 3.0} for score in (60.0, 57.0, 54.0)]
    assert ranks_of(rows) == [(1, 1, 3), (2, 1, 3), (3, 1, 3)]
    assert ranks_of(rows, decided=((1, 2), (2, 3))) == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_pairs_of_rows_without_a_rank_or_against_the_scores_are_left_out() -> None:
    rows = [{"score": 60.0, "stderr": 3.0}, {"score": 57.0, "stderr": 3.0}, {"score": 56.0, "why": "No."}]
    assert ranks_of(rows, decided=((2, 1), (1, 3), (3, 2), (1, 99))) == ranks_of(rows)


def test_nothing_to_rank() -> None:
    assert ranks_of([]) == []
    assert ranks_of([{"why": "No."}]) == [(0, 0, 0)]


@given(st.lists(st.tuples(st.floats(0, 100) | st.just(NAN), st.floats(0, 9) | st.just(NAN), st.booleans()), max_size=9))
def test_ranks_are_those_of_the_statistics(rows: list[tuple[float, float, bool]]) -> None:
    table = table_of([{"score": a, "stderr": b, "why": "No." if out else ""} for a, b, out in rows])
    for imported in (False, True):
        found = standing(Columns(table), imported=imported)
        data = Columns(ranked(table, imported=imported))
        expected = np.zeros((3, len(rows)), dtype=int)
        if np.isnan(found.stderr).any():
            expected[0, found.rows] = places(found.score.tolist())
        else:
            for row, one in zip(found.rows, ranks(found.score, found.stderr), strict=True):
                assert one is not None
                expected[:, row] = one
        for name, values in zip(("rank", "rank_low", "rank_high"), expected, strict=True):
            assert data.number(name).tolist() == values.tolist()
