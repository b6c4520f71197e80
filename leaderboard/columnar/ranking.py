"""Puts the rows of a ranking in order: which have a rank, which rank, and how sure it is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leaderboard.columnar.table import RANKS, Columns, Numbers
from leaderboard.statistics.arrays import Integers
from leaderboard.statistics.ranks import places, tightened

UNVERIFIED = "Imported, not verified here: on a suite that is evaluated here, imports are shown without a rank."
UNVERIFIED_ENDPOINT = "Unverified endpoint: this site's staff has not confirmed whose model answers at this address."
NO_SCORE = "It has no suite score."

Pair = tuple[int, int]
"""Two submissions of which the first is surely better."""


@dataclass(frozen=True)
class Standing:
    """Rows that may be ranked: places in the table (m,), their scores and standard errors, NaN where missing."""

    rows: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
    score: Numbers
    stderr: Numbers


def standing(data: Columns, *, imported: bool) -> Standing:
    """Who is ranked. A suite of imports alone (`imported`) ranks these; elsewhere nobody here can vouch for them.

    A measured row without a standard error has no rank: the board never shows a rank without knowing how sure it is.
    """
    score, stderr, why = data.number("score"), data.number("stderr"), data.choice("why").codes
    fits = (why < 0) & ~np.isnan(score)
    if not imported:
        fits &= (data.number("submission") > 0) & ~np.isnan(stderr)
    rows = np.flatnonzero(fits)
    return Standing(rows, score[rows], stderr[rows])


def ranked(table: pa.Table, *, imported: bool, decided: Iterable[Pair] = ()) -> pa.Table:
    """The same rows with their ranks: with intervals if all of them have standard errors, else by the plain score.

    `decided` are pairs of submissions that a paired test told apart; those that are not both ranked are left out.
    """
    data = Columns(table)
    found = standing(data, imported=imported)
    columns = np.zeros((len(RANKS), len(data)), dtype=np.int32)
    columns[0, found.rows] = places(found.score)
    if not np.isnan(found.stderr).any():
        pairs = placed(np.array(list(decided), dtype=np.int64).reshape(-1, 2), data, found)
        columns[1:, found.rows] = tightened(found.score, found.stderr, pairs)
    return with_ranks(table, dict(zip(RANKS, columns, strict=True)))


def placed(pairs: Integers, data: Columns, found: Standing) -> Integers:
    """Pairs of submissions as places among the ranked rows, (P, 2), without those that contradict the scores."""
    keys = data.number("submission")[found.rows].astype(np.int64)
    if not len(pairs) or not len(keys):
        return pairs[:0]
    order = np.argsort(keys, kind="stable")
    at: Integers = order[np.searchsorted(keys[order], pairs).clip(max=len(keys) - 1)]
    fits: np.ndarray[tuple[int], np.dtype[np.bool_]] = (keys[at] == pairs).all(axis=1) & (
        found.score[at[:, 0]] > found.score[at[:, 1]]
    )
    return at[fits]


def with_ranks(table: pa.Table, columns: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]) -> pa.Table:
    """The table with these rank columns."""
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, pa.field(name, pa.int32()), pa.array(values, pa.int32()))
    return table
