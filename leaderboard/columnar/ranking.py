"""Puts the rows of a ranking in order: which have a rank, which rank, and how sure it is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leaderboard.columnar.table import RANKS, Columns, Numbers
from leaderboard.statistics.ranks import Rank, places, tighten

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
    if np.isnan(found.stderr).any():
        ranks = [Rank(place, None, None) for place in places(found.score.tolist())]
    else:
        at = {key: place for place, key in enumerate(data.number("submission")[found.rows].tolist()) if key}
        pairs = [(at[better], at[worse]) for better, worse in decided if better in at and worse in at]
        pairs = [(better, worse) for better, worse in pairs if found.score[better] > found.score[worse]]
        ranks = [
            one for one in tighten(found.score, found.stderr, pairs) if one is not None
        ]  # none is: all have scores
    columns = np.zeros((len(RANKS), len(data)), dtype=np.int32)
    if ranks:
        columns[:, found.rows] = np.array([(one.rank, one.low or 0, one.high or 0) for one in ranks], dtype=np.int32).T
    return with_ranks(table, dict(zip(RANKS, columns, strict=True)))


def with_ranks(table: pa.Table, columns: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]) -> pa.Table:
    """The table with these rank columns."""
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, pa.field(name, pa.int32()), pa.array(values, pa.int32()))
    return table
