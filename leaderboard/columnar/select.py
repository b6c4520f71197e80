"""Rows, counts and facets for what a reader asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from leaderboard.columnar.facts import FACETS, FACTS
from leaderboard.columnar.search import Range, Term, Value, Word
from leaderboard.columnar.table import Choice, Columns, Numbers, Rows

Mask = npt.NDArray[np.bool_]

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
    shared = np.flatnonzero(fits)
    facets = {}
    for fact in FACETS:
        among = shared
        if fact.name in masks:
            without = everything.copy()
            for name, mask in masks.items():
                if name != fact.name:
                    without &= mask
            among = np.flatnonzero(without)
        facets[fact.name] = facet_values(columns.choice(fact.name), among, wanted.chosen.get(fact.name, ()))
    return Found(order[fits[order]], facets)


def kept_facets(columns: Columns) -> dict[str, list[FacetValue]]:
    """The values of each facet among all rows, counted once."""
    if select not in columns.kept:
        everything = np.arange(len(columns))
        columns.kept[select] = {fact.name: facet_values(columns.choice(fact.name), everything, ()) for fact in FACETS}
    kept: dict[str, list[FacetValue]] = columns.kept[select]
    return kept


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


def facet_values(choice: Choice, among: Rows, chosen: Sequence[str]) -> list[FacetValue]:
    """Values that rows `among` have, or chosen, the most frequent first; rows without a value as `UNKNOWN`, last."""
    counts = choice.counts(among)
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
