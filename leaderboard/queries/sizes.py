"""A suite's scores against what a model costs or can do: sizes, prices, throughput, contexts; and the Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from leaderboard.columnar.table import Columns
from leaderboard.models import Suite
from leaderboard.queries.board import PIN
from leaderboard.queries.context import measured_contexts
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.history import throughputs
from leaderboard.queries.rows import words
from leaderboard.queries.snapshots import columns_of, newest
from leaderboard.statistics.pareto import front
from leaderboard.statistics.ranks import Z95

DRAWN = 900
"""Rows that a chart draws one by one; of more, those that would lie upon each other are drawn once."""
ACROSS, DOWN = 120, 60
"""The chart's grid of such places."""
MOST_PINS = 20


class Axis(Enum):
    """What scores are drawn against: where less is better (sizes, price), and where more is (throughput, contexts)."""

    PARAMETERS = "parameters"
    ACTIVE = "active"
    PRICE = "price"
    THROUGHPUT = "throughput"
    CONTEXT = "context"
    MEASURED = "measured"

    @property
    def title(self) -> str:
        return TITLES[self]

    @property
    def more(self) -> bool:
        """Whether more of it is better."""
        return self in {Axis.THROUGHPUT, Axis.CONTEXT, Axis.MEASURED}


TITLES = {
    Axis.PARAMETERS: "Parameters",
    Axis.ACTIVE: "Active parameters",
    Axis.PRICE: "Price",
    Axis.THROUGHPUT: "Measured throughput",
    Axis.CONTEXT: "Advertised context",
    Axis.MEASURED: "Measured context",
}
INPUT_PARTS, OUTPUT_PARTS = 3, 1
"""Of a blended price: three tokens in for each token out."""


@dataclass(frozen=True)
class Sized:
    """A row with a score (0-100) and a known `x`: parameters, dollars for a million tokens, tokens/s or tokens.

    `half`: of its 95 % interval. `rows`: how many it stands for.
    """

    key: str
    name: str
    kind: str
    precision: str
    x: float
    score: float
    half: float | None
    front: bool
    pinned: bool
    rows: int


@dataclass(frozen=True)
class Sizes:
    """`drawn` are the rows that a chart shows, `front` and `pinned` among them; `rows` all with a score and a known
    place on the axis, `unsized` those with a score alone."""

    suite: Suite
    drawn: list[Sized]
    rows: int
    unsized: int
    axis: Axis = Axis.PARAMETERS
    hardware: str = ""
    """Of throughput: the machine that all rows were run on; others are left out."""
    pins: tuple[str, ...] = ()
    """The pins that name rows of the ranking, also those whose place on this axis nobody knows."""

    @property
    def listed(self) -> list[Sized]:
        """What the table beside the chart has: the front and the pinned."""
        return [one for one in self.drawn if one.front or one.pinned]

    @property
    def front(self) -> list[Sized]:
        """From the smallest to the largest."""
        return [one for one in self.drawn if one.front]

    @property
    def pinned(self) -> list[Sized]:
        return [one for one in self.drawn if one.pinned]


def axis_named(name: str) -> Axis:
    """Raises BadQuery."""
    try:
        return Axis(name or Axis.PARAMETERS.value)
    except ValueError as error:
        known = ", ".join(axis.value for axis in Axis)
        raise BadQuery("x", f"Scores are drawn against {known}, not {name[:40]!r}.") from error


def sizes(suite: Suite, pins: Sequence[str] = (), axis: Axis = Axis.PARAMETERS) -> Sizes:
    """The newest ranking's rows by size. `pins` are ids such as s12; unknown ones mark nothing. 2 queries at most."""
    found = all_sizes(suite, pins, axis)
    if len(found.drawn) <= DRAWN:
        return found
    place = np.log(np.array([one.x for one in found.drawn]))
    score = np.array([one.score for one in found.drawn])
    cells = grid(place, ACROSS) * DOWN + grid(score, DOWN)
    order = np.argsort(-score, kind="stable")  # of each place the highest is drawn
    _, first, of, counts = np.unique(cells[order], return_index=True, return_inverse=True, return_counts=True)
    chosen = set(order[first].tolist())
    shown = [
        Sized(**{**vars(one), "rows": int(counts[of[rank]]) if index in chosen else 1})
        for rank, index in enumerate(order.tolist())
        if (one := found.drawn[index]).front or one.pinned or index in chosen
    ]
    ordered = sorted(shown, key=lambda one: (one.x, -one.score))
    return replace(found, drawn=ordered)


def all_sizes(suite: Suite, pins: Sequence[str] = (), axis: Axis = Axis.PARAMETERS) -> Sizes:
    """The same with every row."""
    snapshot = newest(suite)
    if snapshot is None:
        return Sizes(suite, [], 0, 0, axis)
    data = columns_of(snapshot)
    score, (x, hardware) = data.number("score"), along(suite, data, axis)
    scored = np.isfinite(score)
    at = np.flatnonzero(scored & (x > 0))
    at = at[np.lexsort((-score[at], x[at]))]
    best = front(-x[at] if axis.more else x[at], score[at])
    kept = tuple(pin for pin in dict.fromkeys(pins[:MOST_PINS]) if held(data, pin))
    found = rows(data, at, x, best, set(kept))
    return Sizes(suite, found, len(at), int(scored.sum()) - len(at), axis, hardware, kept)


def held(data: Columns, pin: str) -> bool:
    """Whether a pin names a row of the ranking."""
    if not PIN.fullmatch(pin):
        return False
    return bool((data.number("submission" if pin[0] == "s" else "imported") == int(pin[1:])).any())


def along(suite: Suite, data: Columns, axis: Axis) -> tuple[npt.NDArray[np.float64], str]:
    """Each row's place on the axis, (n,), NaN where unknown, and the hardware that it holds for."""
    if axis is Axis.PARAMETERS:
        return data.number("parameters"), ""
    if axis is Axis.ACTIVE:  # all of a model that is no mixture is active
        total, active, mixture = data.number("parameters"), data.number("active_parameters"), data.choice("mixture")
        dense = mixture.codes != mixture.code("yes") if mixture.code("yes") is not None else np.isfinite(total)
        return np.where(np.isfinite(active), active, np.where(dense, total, np.nan)), ""
    if axis is Axis.PRICE:
        parts = INPUT_PARTS * data.number("input_price") + OUTPUT_PARTS * data.number("output_price")
        return parts / (INPUT_PARTS + OUTPUT_PARTS), ""
    if axis is Axis.CONTEXT:
        return data.number("context_length"), ""
    if axis is Axis.THROUGHPUT:
        kept: dict[int, tuple[dict[int, float], str]] = data.kept.setdefault(along, {})
        if suite.pk not in kept:
            kept[suite.pk] = throughputs(suite)
        speeds, hardware = kept[suite.pk]
        return np.array([speeds.get(key, np.nan) for key in data.number("submission").tolist()]), hardware
    known = measured_contexts()
    return np.array([known.get(name, np.nan) for name in data.table["model"].to_pylist()], dtype=np.float64), ""


def rows(
    data: Columns, at: npt.NDArray[np.intp], x: npt.NDArray[np.float64], best: npt.NDArray[np.bool_], pins: set[str]
) -> list[Sized]:
    names = data.table["model"].take(at).to_pylist()
    told = zip(words(data, "kind", at), words(data, "precision", at), strict=True)
    columns = [data.number(name)[at].tolist() for name in ("score", "stderr", "submission", "imported")]
    found = []
    for place, (name, (kind, precision), along_x, score, stderr, ours, theirs) in enumerate(
        zip(names, told, x[at].tolist(), *columns, strict=True)
    ):
        key = f"s{ours}" if ours else f"i{theirs}"
        half = None if stderr != stderr else Z95 * stderr
        found.append(
            Sized(key, name, kind, precision, along_x, score, half, bool(best[place]), key in pins, 1)
        )  # fmt: skip
    return found


def grid(values: npt.NDArray[np.float64], steps: int) -> npt.NDArray[np.int64]:
    """Each value's place among `steps` equal parts of their range."""
    low, high = float(values.min()), float(values.max())
    return np.minimum(((values - low) / max(high - low, 1e-12) * steps).astype(np.int64), steps - 1)
