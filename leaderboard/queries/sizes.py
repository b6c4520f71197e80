"""A suite's scores against the models' sizes, and which models no smaller one reaches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leaderboard.columnar.table import Columns
from leaderboard.models import Suite
from leaderboard.queries.rows import words
from leaderboard.queries.snapshots import columns_of, newest
from leaderboard.statistics.pareto import front
from leaderboard.statistics.ranks import Z95

DRAWN = 900
"""Rows that a chart draws one by one; of more, those that would lie upon each other are drawn once."""
ACROSS, DOWN = 120, 60
"""The chart's grid of such places."""
MOST_PINS = 20


@dataclass(frozen=True)
class Sized:
    """A row of known size with a score (0-100); `half`: of its 95 % interval. `rows`: how many it stands for."""

    key: str
    name: str
    kind: str
    precision: str
    parameters: float
    score: float
    half: float | None
    front: bool
    pinned: bool
    rows: int


@dataclass(frozen=True)
class Sizes:
    """`drawn` are the rows that a chart shows, `front` and `pinned` among them; `rows` all of known size and score."""

    suite: Suite
    drawn: list[Sized]
    rows: int
    unsized: int

    @property
    def front(self) -> list[Sized]:
        """From the smallest to the largest."""
        return [one for one in self.drawn if one.front]

    @property
    def pinned(self) -> list[Sized]:
        return [one for one in self.drawn if one.pinned]


def sizes(suite: Suite, pins: Sequence[str] = ()) -> Sizes:
    """The newest ranking's rows by size. `pins` are ids such as s12; unknown ones mark nothing. 1 query."""
    found = all_sizes(suite, pins)
    if len(found.drawn) <= DRAWN:
        return found
    parameters = np.log(np.array([one.parameters for one in found.drawn]))
    score = np.array([one.score for one in found.drawn])
    cells = grid(parameters, ACROSS) * DOWN + grid(score, DOWN)
    order = np.argsort(-score, kind="stable")  # of each place the highest is drawn
    _, first, of, counts = np.unique(cells[order], return_index=True, return_inverse=True, return_counts=True)
    chosen = set(order[first].tolist())
    shown = [
        Sized(**{**vars(one), "rows": int(counts[of[place]]) if index in chosen else 1})
        for place, index in enumerate(order.tolist())
        if (one := found.drawn[index]).front or one.pinned or index in chosen
    ]
    return Sizes(suite, sorted(shown, key=lambda one: (one.parameters, -one.score)), found.rows, found.unsized)


def all_sizes(suite: Suite, pins: Sequence[str] = ()) -> Sizes:
    """The same with every row."""
    snapshot = newest(suite)
    if snapshot is None:
        return Sizes(suite, [], 0, 0)
    data = columns_of(snapshot)
    score, parameters = data.number("score"), data.number("parameters")
    scored = np.isfinite(score)
    at = np.flatnonzero(scored & (parameters > 0))
    at = at[np.lexsort((-score[at], parameters[at]))]
    best = front(parameters[at], score[at])
    return Sizes(suite, rows(data, at, best, set(pins[:MOST_PINS])), len(at), int(scored.sum()) - len(at))


def rows(data: Columns, at: npt.NDArray[np.intp], best: npt.NDArray[np.bool_], pins: set[str]) -> list[Sized]:
    names = data.table["model"].take(at).to_pylist()
    told = zip(words(data, "kind", at), words(data, "precision", at), strict=True)
    columns = [data.number(name)[at].tolist() for name in ("parameters", "score", "stderr", "submission", "imported")]
    found = []
    for place, (name, (kind, precision), parameters, score, stderr, ours, theirs) in enumerate(
        zip(names, told, *columns, strict=True)
    ):
        key = f"s{ours}" if ours else f"i{theirs}"
        half = None if stderr != stderr else Z95 * stderr
        found.append(
            Sized(key, name, kind, precision, parameters, score, half, bool(best[place]), key in pins, 1)
        )  # fmt: skip
    return found


def grid(values: npt.NDArray[np.float64], steps: int) -> npt.NDArray[np.int64]:
    """Each value's place among `steps` equal parts of their range."""
    low, high = float(values.min()), float(values.max())
    return np.minimum(((values - low) / max(high - low, 1e-12) * steps).astype(np.int64), steps - 1)
