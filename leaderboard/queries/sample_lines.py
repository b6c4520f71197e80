"""The stored samples of a task line by line, decoded no further than it takes to know which ones are asked for.

A sample of a few kilobytes takes four times as long to decode as its outline, and a page may pass over thousands.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from evaluator.contract import Sample, decode_sample
from leaderboard import chunks
from leaderboard.models import Result, SampleChunk
from leaderboard.queries.hidden import concealed, hidden_tasks
from leaderboard.queries.item_texts import HASH
from leaderboard.queries.sample_filters import Wanted, kind

MOST_READ = 10_000_000
"""Bytes of samples that one page looks through for what was asked; the next one goes on from there."""
MOST_READ_FOR_ITEM = 10 * MOST_READ
"""The same for a single item, which is known by its hash before any sample is decoded."""
PLAIN = re.compile(r"[ !#-.0-\[\]-~]+")
"""Texts that JSON has one spelling for: ASCII without quotation marks, slashes and backslashes."""


class Outline(msgspec.Struct, frozen=True):
    """What of a sample says whether it is asked for, its prompts apart."""

    task: str
    item_hash: str
    responses: tuple[str, ...] = ()
    answers: dict[str, str] = {}
    scores: dict[str, dict[str, float]] = {}
    suite_task: str = ""
    thinking: tuple[str, ...] = ()

    @property
    def counts_for(self) -> str:
        """The suite's task."""
        return self.suite_task or self.task


OUTLINES = msgspec.json.Decoder(Outline)


class Line(NamedTuple):
    """A stored sample, the chunk that it is in, and which tasks are hidden. Its methods raise Unreadable."""

    chunk: SampleChunk
    text: bytes
    hidden: Mapping[str, str]

    def outline(self) -> Outline | Sample:
        """What msgspec cannot read (a lone surrogate) is decoded whole."""
        try:
            return OUTLINES.decode(self.text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self.sample()

    def sample(self) -> Sample:
        """Without texts where its task's are hidden."""
        with chunks.readable(self.chunk):
            [shown] = concealed([decode_sample(self.text)], self.hidden)
            return shown


def lines_of(task: str, kept: list[SampleChunk], skip: int = 0) -> Iterator[Line]:
    """A task's samples, but the first `skip`; whole chunks are skipped unread where they can be. Raises Unreadable."""
    while kept and skip >= (held := kept[0].tasks.get(task, 0)) > 0:
        kept, skip = kept[1:], skip - held
    hidden = hidden_tasks()
    for chunk in kept:
        alone = chunk.tasks.get(task) == chunk.samples
        for text in chunks.stored_lines(chunk):
            line = Line(chunk, text, hidden)
            if not alone and line.outline().counts_for != task:
                continue
            if skip:
                skip -= 1
            else:
                yield line


def chosen(result: Result, kept: list[SampleChunk], show: str, skip: int) -> Iterator[Sample]:
    """A task's samples of one kind, but the first `skip`. Raises Unreadable."""
    for line in lines_of(result.task.task, kept, skip if show == "all" else 0):
        if show == "all":
            yield line.sample()
        elif kind(line.outline(), result) == show:
            if skip:
                skip -= 1
            else:
                yield line.sample()


def found(
    result: Result, kept: list[SampleChunk], wanted: Wanted, after: int, most: int
) -> tuple[list[Sample], int, bool]:
    """The next `most` samples that fit behind the first `after`, how many were passed over then, and whether there are
    more behind these. Raises Unreadable."""
    listed: list[Sample] = []
    looked, read, needle = after, 0, needle_of(wanted.text)
    limit = MOST_READ_FOR_ITEM if wanted.item else MOST_READ
    for line in lines_of(result.task.task, kept, after):
        if len(listed) == most or read > limit:
            return listed, looked, True
        looked += 1
        read += len(line.text)
        if not may_fit(line, result, wanted, needle):
            continue
        sample = line.sample()
        if wanted.fits(sample, result):
            listed.append(sample)
            if wanted.item:
                return listed, looked, False
    return listed, looked, False


def may_fit(line: Line, result: Result, wanted: Wanted, needle: bytes) -> bool:
    """False only for what surely does not. Of hidden samples that is known once their texts are taken away. `needle`:
    `needle_of` the wanted text."""
    if wanted.item:
        named = HASH.search(line.text)
        return named is None or named[1] == wanted.item.encode()
    if not may_hold(line.text, needle):
        return False
    told = line.outline()
    return told.task in line.hidden or told.counts_for in line.hidden or wanted.suits(told, result)


def needle_of(text: str) -> bytes:
    """What every line with this text in it has in it too, once in small letters; empty where that cannot be said."""
    return text.lower().encode() if PLAIN.fullmatch(text) else b""


def may_hold(line: bytes, needle: bytes) -> bool:
    """Whether a needle may be somewhere in a sample, by its line: no only where each text in it has but one spelling.
    A backslash is looked for first, for a single byte is found many times faster than two."""
    if needle in line.lower() or not line.isascii():
        return True
    return b"\\" in line and (b"\\u" in line or b"\\/" in line)
