"""Rows, counts and facets for what a reader asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leaderboard.columnar.facts import FACETS, FACTS
from leaderboard.columnar.search import Range, Term, Value, Word
from leaderboard.columnar.table import Choice, Columns, Numbers, Rows

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
CELLS = 2**12
"""The most combinations of values of facets that are counted together."""

OWN = "own"
"""The column of the reader's own score."""
UNKNOWN = "unknown"
"""What a facet calls rows without a value."""
MOST_TERMS_KEPT = 100
"""Of each ranking: 12 kB each for 100,000 rows."""
NUMERIC = tuple(fact.name for fact in FACTS if fact.kind in {"number", "date"})


@dataclass(frozen=True)
class Wanted:
    """What a reader asked. `chosen`: facet -> values of which a row must have one. `own`: a score of the reader's own
    (n,), NaN where missing. `sort` is a column, or `OWN`; "" means by rank."""

    terms: Sequence[Term] = ()
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    own: Numbers | None = None
    sort: str = ""
    descending: bool = False


@dataclass(frozen=True, slots=True)
class FacetValue:
    """`count`: rows with this value that fit everything else which was asked."""

    value: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Found:
    """`rows`: all that fit (m,), in order. `facets`: the values of each facet, the most frequent first."""

    rows: Rows
    facets: dict[str, list[FacetValue]]


def select(columns: Columns, wanted: Wanted) -> Found:
    """Everything that fits, in the wanted order, and the counts of every facet value.

    The counts of a facet are of rows that fit all but this facet's own choice: they say what a click would show.
    """
    everything = np.ones(len(columns), dtype=np.bool_)
    for term in wanted.terms:
        everything &= kept_mask(columns, term)
    masks = {name: chosen_mask(columns.choice(name), values) for name, values in wanted.chosen.items() if values}
    fits = everything.copy()
    for mask in masks.values():
        fits &= mask
    order = order_of(columns, wanted)
    if not (wanted.terms or masks):
        return Found(order, dict(kept_facets(columns)))
    counts = counted(columns, np.flatnonzero(fits))
    facets = {}
    for fact in FACETS:
        choice = columns.choice(fact.name)
        if fact.name in masks:
            without = everything.copy()
            for name, mask in masks.items():
                if name != fact.name:
                    without &= mask
            counts[fact.name] = choice.counts(np.flatnonzero(without))
        facets[fact.name] = facet_values(choice, counts[fact.name], wanted.chosen.get(fact.name, ()))
    return Found(order[fits[order]], facets)


def kept_facets(columns: Columns) -> dict[str, list[FacetValue]]:
    """The values of each facet among all rows, counted once."""
    if select not in columns.kept:
        counts = counted(columns, np.arange(len(columns)))
        columns.kept[select] = {
            fact.name: facet_values(columns.choice(fact.name), counts[fact.name], ()) for fact in FACETS
        }
    kept: dict[str, list[FacetValue]] = columns.kept[select]
    return kept


def counted(columns: Columns, among: Rows) -> dict[str, Counts]:
    """How many of the rows `among` (m,) have no value (first), and each value, of every facet. Facets of few values are
    counted together, as one number of all of them: looking at the rows takes longest."""
    found: dict[str, Counts] = {}
    for group in groups(columns):
        table = np.bincount(group.numbers[among], minlength=math.prod(group.shape)).reshape(group.shape)
        for axis, name in enumerate(group.names):
            found[name] = table.sum(axis=tuple(other for other in range(table.ndim) if other != axis))
    return found


class Together(NamedTuple):
    """Facets that are counted at once: `numbers` (n,) say which cell of a table of this shape a row is in."""

    names: list[str]
    shape: tuple[int, ...]
    numbers: Rows


def groups(columns: Columns) -> list[Together]:
    """All facets in their order, as many together as have `CELLS` combinations; put together once."""
    if groups not in columns.kept:
        listed: list[list[str]] = []
        cells = CELLS + 1
        for fact in FACETS:
            values = len(columns.choice(fact.name).values) + 1
            if cells * values > CELLS:
                listed.append([])
                cells = 1
            listed[-1].append(fact.name)
            cells *= values
        columns.kept[groups] = [together(columns, names) for names in listed]
    kept: list[Together] = columns.kept[groups]
    return kept


def together(columns: Columns, names: list[str]) -> Together:
    choices = [columns.choice(name) for name in names]
    shape = tuple(len(choice.values) + 1 for choice in choices)
    codes = [choice.codes.astype(np.intp) + 1 for choice in choices]
    return Together(names, shape, np.ravel_multi_index(codes, shape))


def kept_mask(columns: Columns, term: Term) -> Mask:
    """As `holds`: whoever turns pages, sorts, or adds a word, asks for the same terms again. Kept in bits."""
    kept: dict[Term, npt.NDArray[np.uint8]] = columns.kept.setdefault(kept_mask, {})
    bits = kept.get(term)
    if bits is None:
        mask = holds(columns, term)
        if len(kept) >= MOST_TERMS_KEPT:
            kept.clear()
        kept[term] = np.packbits(mask)
        return mask
    return np.unpackbits(bits, count=len(columns)).view(np.bool_)


def holds(columns: Columns, term: Term) -> Mask:
    """Which rows (n,) a term holds for."""
    match term:
        case Word(text, negated):
            mask = columns.containing(text)
        case Value(fact, text, negated):
            choice = columns.choice(fact)
            fitting = np.array([text in value.lower() for value in choice.values] + [text == UNKNOWN], dtype=np.bool_)
            mask = fitting[choice.codes]  # code -1 is the last
        case Range(fact, low, high, ends, negated):
            values = columns.number(fact)
            mask = (values >= low if ends[0] == "[" else values > low) & (
                values <= high if ends[1] == "]" else values < high
            )
    return ~mask if negated else mask


def chosen_mask(choice: Choice, values: Sequence[str]) -> Mask:
    """Rows (n,) that have one of `values`."""
    wanted = np.zeros(len(choice.values) + 1, dtype=np.bool_)
    for value in values:
        code = len(choice.values) if value == UNKNOWN else choice.code(value)
        if code is not None:
            wanted[code] = True
    return np.asarray(wanted[choice.codes])


def facet_values(choice: Choice, counts: Counts, chosen: Sequence[str]) -> list[FacetValue]:
    """Values that are counted, or chosen, the most frequent first; rows without a value as `UNKNOWN`, last."""
    missing, order = counts[0], choice.frequent(counts[1:])
    values = zip([choice.values[code] for code in order.tolist()], counts[1:][order].tolist(), strict=True)
    listed = [FacetValue(value, count, value in chosen) for value, count in values if count or value in chosen]
    if missing or UNKNOWN in chosen:
        listed.append(FacetValue(UNKNOWN, int(missing), UNKNOWN in chosen))
    return listed


def order_of(columns: Columns, wanted: Wanted) -> Rows:
    """All rows (n,) in the wanted order; missing values last either way."""
    if wanted.own is not None and wanted.sort == OWN:
        by_name = columns.order("model", descending=False)
        return columns.sorted(wanted.own, descending=wanted.descending, among=by_name)
    return columns.order(wanted.sort or "rank", descending=wanted.descending)
