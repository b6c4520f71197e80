"""The columns of one ranking."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leaderboard.columnar.facts import FACTS

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.intp]

WHOLE = ("submission", "imported", "revision", "batch")
"""Keys of what a row is made from; 0: it is not made from such a thing."""
TEXTS = ("model", "sha")
SINCE = frozenset({"adapter_on"})
"""Choices that rankings made by older versions do not have."""
RANKS = ("rank", "rank_low", "rank_high")
"""0: none."""
SCORES = ("score", "stderr")
"""0-100, NaN where missing."""
WORDS = ("settings", "why")
"""The settings as JSON, and why a row would not be ranked whatever its score, "" where nothing speaks against it."""
TASK = ("score", "stderr", "n", "normalised")
"""Of each task: its score and standard error as fractions, how many items, and the source's own normalised score,
0-100. NaN where missing; a part that no row has is no column."""
SHORT, BLOCK = 8, 2**17
"""Bytes of a word that is looked for letter by letter, and of names that are looked through at once: arrays of
megabytes would take longer to get than to fill."""
END = b"\xff"
"""What no UTF-8 holds: it ends each name where all names are one text."""
MISSING = "unavailable"
"""Of a task that some row lacks: why, as a choice."""


def task_column(part: str, task: str) -> str:
    """The name of a task's column, such as "score:gsm8k"."""
    return f"{part}:{task}"


def build(columns: Mapping[str, Any], tasks: Sequence[str]) -> pa.Table:
    """An Arrow table from arrays or lists of equal length; choices and reasons become dictionaries.

    Raises KeyError for a missing column, and ArrowInvalid for columns of different lengths.
    """
    arrays: dict[str, pa.Array] = {}
    for name in WHOLE:
        arrays[name] = pa.array(columns[name], pa.int64())
    for name in TEXTS:
        arrays[name] = pa.array(columns[name], pa.string())
    for name in RANKS:
        arrays[name] = pa.array(columns[name], pa.int32())
    for name in SCORES:
        arrays[name] = numbers(columns[name])
    for name in WORDS:
        arrays[name] = choices(columns[name])
    for fact in FACTS:
        arrays[fact.name] = (choices if fact.kind in {"choice", "flag"} else numbers)(columns[fact.name])
    for task in tasks:
        for part in TASK:
            if task_column(part, task) in columns or part == "score":
                arrays[task_column(part, task)] = numbers(columns[task_column(part, task)])
        if task_column(MISSING, task) in columns:
            arrays[task_column(MISSING, task)] = choices(columns[task_column(MISSING, task)])
    arrays["words"] = pc.utf8_lower(arrays["model"])
    return pa.table(arrays).replace_schema_metadata({"tasks": json.dumps(list(tasks))})


def empty(tasks: Sequence[str]) -> "Columns":
    """The columns of a ranking that holds nothing."""
    names = [*WHOLE, *TEXTS, *RANKS, *SCORES, *WORDS, *(fact.name for fact in FACTS)]
    return Columns(build({name: [] for name in [*names, *(task_column("score", task) for task in tasks)]}, tasks))


def numbers(values: Any) -> pa.Array:
    """float64 without nulls: None becomes NaN."""
    return pa.array(np.asarray(values, dtype=np.float64))


def choices(values: Any) -> pa.Array:
    """Texts as a dictionary; None, and "" too, is missing. Flags are "yes" and "no"."""
    if isinstance(values, pa.DictionaryArray):
        return values
    told = [
        None if value is None or value == "" else ("yes" if value else "no") if isinstance(value, bool) else str(value)
        for value in values
    ]
    return pa.array(told, pa.string()).dictionary_encode()


def coded(codes: Codes, values: Sequence[str]) -> pa.Array:
    """Texts as a dictionary, from codes (n,), -1 where missing."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), pa.array(values, pa.string()))


def write(table: pa.Table, path: Path) -> None:
    """Write the table to `path` uncompressed, whole or not at all, to be mapped into memory."""
    fresh = path.with_name(f".{path.name}.{id(table):x}")
    with pa.OSFile(str(fresh), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    fresh.replace(path)


def read(path: Path) -> "Columns":
    """The columns in a file that `write` made; shared by all processes that read it."""
    return Columns(pa.ipc.open_file(pa.memory_map(str(path))).read_all())


@dataclass(frozen=True)
class Choice:
    """A column of texts: `codes[row]` is an index into `values`, -1 where missing."""

    codes: Codes
    values: tuple[str, ...]

    def code(self, value: str) -> int | None:
        """The code of a value, None when no row has it."""
        return self._index.get(value)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self.values)}

    @cached_property
    def _numbered(self) -> Rows:
        """codes + 1, (n,): what counting takes without converting it."""
        return (self.codes + 1).astype(np.intp)

    @cached_property
    def _alphabet(self) -> Rows:
        """The place of each value among all of them by name."""
        return np.argsort(np.argsort(np.asarray(self.values, dtype=object))) if self.values else np.zeros(0, np.intp)

    def counts(self, among: Rows) -> npt.NDArray[np.int64]:
        """How many of the rows `among` (m,) have no value (first), and each of the values."""
        return np.bincount(self._numbered[among], minlength=len(self.values) + 1)

    def frequent(self, counts: npt.NDArray[np.int64]) -> Rows:
        """The codes of values, the most frequent first by `counts` (len(values),); ties by name."""
        order: Rows = np.lexsort((self._alphabet, -counts))
        return order


@dataclass
class Columns:
    """Read access to a ranking's columns; what is derived from them is kept."""

    table: pa.Table
    _numbers: dict[str, Numbers] = field(default_factory=dict)
    _choices: dict[str, Choice] = field(default_factory=dict)
    _orders: dict[tuple[str, bool], Rows] = field(default_factory=dict)
    kept: dict[Any, Any] = field(default_factory=dict)
    """For whoever derives something else from the columns: it never changes either."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        return tuple(json.loads(self.table.schema.metadata[b"tasks"]))

    @cached_property
    def names(self) -> frozenset[str]:
        """Of all columns."""
        return frozenset(self.table.column_names)

    def number(self, name: str) -> Numbers:
        """A column of numbers (n,), NaN where missing; ranks and items as numbers, 0 where missing."""
        if name not in self._numbers:
            values = (
                self.table[name].combine_chunks() if self.table[name].num_chunks != 1 else self.table[name].chunk(0)
            )
            self._numbers[name] = np.asarray(values.to_numpy(zero_copy_only=False))
        return self._numbers[name]

    def choice(self, name: str) -> Choice:
        """A column of texts as codes (n,) and the values that occur; none in a ranking from before there was such a
        column."""
        if name not in self.names and name in SINCE:
            return Choice(np.full(len(self), -1, dtype=np.int32), ())
        if name not in self._choices:
            column = (
                self.table[name].combine_chunks() if self.table[name].num_chunks != 1 else self.table[name].chunk(0)
            )
            codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
            self._choices[name] = Choice(codes, tuple(column.dictionary.to_pylist()))
        return self._choices[name]

    def text(self, name: str, row: int) -> str:
        """One text."""
        return str(self.table[name][row].as_py())

    def containing(self, word: str) -> npt.NDArray[np.bool_]:
        """Which rows (n,) hold `word` in their model's name, whatever the case, or have a revision that begins so."""
        word = word.lower()
        pinned = pc.starts_with(self.table["sha"], word).to_numpy()
        return np.asarray(self._named(word.encode()) | pinned, dtype=np.bool_)

    def _named(self, word: bytes) -> npt.NDArray[np.bool_]:
        """Which rows (n,) hold these bytes in their model's name in small letters: all names at once, letter by letter,
        which takes a third of the time that Arrow takes name by name. Of a long word, Arrow takes less."""
        if not word or not len(self):
            return np.full(len(self), not word)
        if len(word) > SHORT:
            return np.array(pc.match_substring(self.table["words"], word), dtype=np.bool_)
        letters, starts = self._letters
        if len(word) == 1:
            return np.logical_or.reduceat(letters == word[0], starts)
        holds = np.zeros(len(self), dtype=np.bool_)
        for start in range(0, len(letters) - BLOCK, BLOCK):
            found = letters[start : start + BLOCK] == word[0]
            for place, letter in enumerate(word[1:], start + 1):
                found &= letters[place : place + BLOCK] == letter
            eights = np.flatnonzero(found.view(np.uint64))  # most are empty: they are passed over eight at a time
            within = np.flatnonzero(found.reshape(-1, 8)[eights])
            places = start + 8 * eights[within // 8] + within % 8
            holds[np.searchsorted(starts, places, side="right") - 1] = True
        return holds

    @cached_property
    def _letters(self) -> tuple[npt.NDArray[np.uint8], Rows]:
        """The UTF-8 of all names in small letters, each with an `END` behind it, and where each begins (n,). Behind the
        last one there are as many more as fill a block, and one block for what is looked for across its end."""
        names = self.table["words"].cast(pa.binary())
        ended = pc.binary_join_element_wise(names, pa.scalar(b""), pa.scalar(END)).combine_chunks()
        _, offsets, letters = ended.buffers()
        starts = np.frombuffer(offsets, np.int32)[: len(self) + 1].astype(np.intp)
        filled = np.full((-(-starts[-1] // BLOCK) + 1) * BLOCK, END[0], dtype=np.uint8)
        filled[: starts[-1]] = np.frombuffer(letters, np.uint8)[: starts[-1]]
        return filled, starts[:-1]

    def order(self, name: str, *, descending: bool) -> Rows:
        """All rows (n,) by a column: missing values last either way, ties by rank, then by name."""
        if (name, descending) not in self._orders:
            self._orders[name, descending] = self.sorted(
                self.sort_key(name), descending=descending, among=self._by_rank
            )
        return self._orders[name, descending]

    def sorted(self, key: Numbers, *, descending: bool, among: Rows) -> Rows:
        """The rows `among` (all of them) by a key (n,), NaN last either way, ties in their order."""
        keys = key[among]
        order: Rows = among[np.argsort(-keys if descending else keys, kind="stable")]
        return order

    def sort_key(self, name: str) -> Numbers:
        """A column as numbers (n,) to sort by, NaN where missing."""
        if name == "model":
            return self._by_name.astype(np.float64)
        if name == "rank":
            return np.where(self.number("rank") > 0, self.number("rank").astype(np.float64), np.nan)
        if name in SINCE or pa.types.is_dictionary(self.table.schema.field(name).type):
            choice = self.choice(name)
            places = np.argsort(np.argsort(np.asarray(choice.values, dtype=object))) if choice.values else np.zeros(0)
            padded = np.append(places.astype(np.float64), np.nan)  # code -1 is the last
            return np.asarray(padded[choice.codes])
        return self.number(name).astype(np.float64, copy=False)

    @cached_property
    def _by_rank(self) -> Rows:
        """All rows (n,) by rank, those without one last, equal ones by name."""
        ranks = self.number("rank")
        order: Rows = np.lexsort((self._by_name, np.where(ranks > 0, ranks, np.inf)))
        return order

    @cached_property
    def _by_name(self) -> Rows:
        """Each row's place (n,) in the alphabet of names, equal names in the table's order."""
        order = pc.sort_indices(pa.table({"m": pc.utf8_lower(self.table["model"])}), [("m", "ascending")]).to_numpy()
        places = np.empty(len(self), dtype=np.intp)
        places[order] = np.arange(len(self))
        return places
