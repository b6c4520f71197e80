"""An upload as one stream of items, with a report of all that was found: problems, which stop it, and notes.

Memory holds one line, one batch of prompts, and a few bytes of each item: what is needed to know it again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import IO, Any

import msgspec

from leaderboard.workloads import personal, promptfoo
from leaderboard.workloads.fields import check, guessed, item_of
from leaderboard.workloads.formats import Row, chats, format_of, json_lines, table
from leaderboard.workloads.likeness import Like, Likeness
from leaderboard.workloads.lines import Line, lines
from leaderboard.workloads.records import (
    MOST_ITEMS,
    MOST_PROBLEMS,
    Item,
    Mapping,
    Problem,
    Report,
    Unreadable,
    Wrong,
)

FIRST = 5
MOST_TAGS, MOST_FIELDS = 200, 200
SAMPLE = 160
"""Characters of what a field says first, to choose by."""
EVERY = 500
"""Items between two words about the progress."""
Progress = Callable[[int, int], None]
"""Takes bytes and items read so far."""


class Enough(Exception):
    """There are as many problems as anybody reads."""


class Reading:
    """Read `source`, iterate over its items, then look at `report`. The items count only if `report.good`.

    `form` "" is guessed, so is the mapping where it says nothing, unless `guess` is False. `mask`: personal data are
    masked in every text.
    """

    def __init__(
        self,
        source: IO[bytes],
        *,
        name: str = "",
        form: str = "",
        mapping: Mapping | None = None,
        mask: bool = False,
        guess: bool = True,
        progress: Progress | None = None,
    ) -> None:
        self._guess = guess
        self.report = Report()
        self.form, self.mapping = form, mapping or Mapping()
        self._source, self._name, self._mask, self._progress = source, name, mask, progress
        self._keys: dict[bytes, int] = {}
        self._likeness = Likeness()

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self._items()
        except Wrong as wrong:
            self.report.problems.append(wrong.problem)
            self.report.stopped = True
        except Enough:
            self.report.stopped = True
        if not self.report.items and not self.report.problems:
            self.report.problems.append(Problem(0, "", "empty", "It holds no item."))

    def _items(self) -> Iterator[Item]:
        mapped = False
        for row in self._rows():
            self._see_fields(row)
            if not mapped:
                self._settle(row)
                mapped = True
            try:
                item = item_of(row.fields, self.mapping, line=row.line, number=self.report.items + 1)
                self._see_key(item)
            except Wrong as wrong:
                self._told(wrong.problem)
                continue
            item = self._personal(item)
            self._count(item, row)
            yield item
        self._like(self._likeness.rest())
        self._close()

    def _rows(self) -> Iterator[Row]:
        read = lines(self._source)
        begun = list(next_lines(read))
        self.form = self.form or format_of(self._name, "".join(line.text for line in begun))
        again: Iterator[Line] = chain(begun, read)
        if self.form == "csv":
            return table(again, self._told)
        if self.form == "promptfoo":
            return promptfoo.rows(text_of(again), self._told)
        rows = json_lines(again, self._told)
        return chats(rows, self._told) if self.form == "openai" else rows

    def _told(self, problem: Problem) -> None:
        self.report.problems.append(problem)
        if len(self.report.problems) >= MOST_PROBLEMS:
            raise Enough

    def _settle(self, row: Row) -> None:
        """What is which: as asked for, else guessed by the names of the first row."""
        asked = self.mapping.said()
        found = guessed(row.fields).said() if self._guess else {}
        if any(name in asked for name in ("prompt", "messages", "template")):
            found = {name: value for name, value in found.items() if name not in {"prompt", "messages"}}
        self.mapping = Mapping(**(found | asked))
        self.report.mapping = self.mapping.said()
        check(self.mapping, row.fields, row.line)

    def _see_fields(self, row: Row) -> None:
        seen, samples = self.report.fields, self.report.samples
        for name, value in row.fields.items():
            if name not in seen:
                if "\x00" in name:
                    message = "The name of a field has a NUL character (U+0000)."
                    raise Unreadable(row.line, name.replace("\x00", "")[:60], "nul", message)
                if len(seen) >= MOST_FIELDS:
                    continue
            seen[name] = seen.get(name, 0) + 1
            if name not in samples and value not in (None, ""):
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                samples[name] = text[:SAMPLE].replace("\x00", "\u2400")

    def _see_key(self, item: Item) -> None:
        digest = hashlib.blake2b(item.key.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        earlier = self._keys.setdefault(digest, item.line)
        if earlier != item.line:
            message = f"{item.key[:60]!r} is the id of line {earlier:,} too. Ids are there once."
            raise Wrong(item.line, self.mapping.key or "id", "id_twice", message)

    def _personal(self, item: Item) -> Item:
        kinds = {kind: field for field, text in personal.texts_of(item) for kind in personal.found(text)}
        for kind, field in kinds.items():
            done = "is masked" if self._mask else "would go to every model and endpoint that you pick"
            self.report.note(item.line, field, kind, f"What looks like {ARTICLES[kind]} {done}.")
        return personal.without(item) if kinds and self._mask else item

    def _count(self, item: Item, row: Row) -> None:
        report = self.report
        report.items += 1
        report.lines = row.line
        if report.items > MOST_ITEMS:
            message = f"There are more than {MOST_ITEMS:,} items. Upload a sample: a few thousand decide."
            raise Unreadable(item.line, "", "too_many", message)
        report.with_reference += bool(item.references)
        report.with_production += item.production is not None
        report.longest = max(report.longest, sum(len(one.content) for one in item.messages))
        for tag in item.tags:
            if tag in report.tags or len(report.tags) < MOST_TAGS:
                report.tags[tag] = report.tags.get(tag, 0) + 1
        if len(report.first) < FIRST:
            report.first.append(plain(item))
        self._like(self._likeness.add(item.line, item.prompt))
        if self._progress and report.items % EVERY == 0:
            self._progress(row.end, report.items)

    def _like(self, found: list[Like]) -> None:
        for one in found:
            code = "duplicate" if one.equal else "near_duplicate"
            words = "says the same as" if one.equal else "says nearly the same as"
            self.report.note(one.line, "prompt", code, f"It {words} line {one.earlier:,}.")

    def _close(self) -> None:
        """What can only be said of all of it."""
        report, used = self.report, set(self.mapping.said().values())
        for name, count in report.fields.items():
            if name not in used and f"{{{{{name}}}}}" not in self.mapping.template.replace(" ", ""):
                report.note(0, name[:60], "unused", f"It is not used ({count:,} items have it).")


ARTICLES = {"e-mail": "an e-mail address", "phone": "a phone number", "key": "a key"}


def plain(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(item)
    return found


def next_lines(read: Iterator[Line], most: int = 20) -> Iterator[Line]:
    """The first lines, up to the first that says something and some more."""
    for _ in range(most):
        line = next(read, None)
        if line is None:
            return
        yield line


def text_of(read: Iterator[Line]) -> str:
    """All of a small file; a larger one is cut where it is too large, which its reader then says."""
    parts, size = [], 0
    for line in read:
        parts.append(line.text)
        size += len(line.text)
        if size > promptfoo.MOST_BYTES:
            break
    return "".join(parts)
