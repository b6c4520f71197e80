"""Chunks of samples, gzip JSONL: checked when they arrive, read again from storage; either in constant memory.

Constant means one line and a buffer, however much a chunk claims to hold (the contract's SAMPLE_BYTES).
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from typing import IO, NamedTuple

from django.core.files.storage import default_storage
from django.db.models import F, QuerySet

from evaluator.contract import CHUNK_SAMPLES, SAMPLE_BYTES, ContractError, Sample, decode_sample
from leaderboard.models import Job, SampleChunk, Submission

SAID_LIMIT = 300
"""Characters of what a parser says about a line: it quotes the line."""
MEMBER, MEMBERS = b"\x1f\x8b\x08", 1_000
"""How a part of a gzip file begins, and how many a chunk may have: millions of empty ones keep a reader busy."""
BUFFER = 2**17
"""Bytes that are unpacked at once."""


class Unreadable(Exception):
    """A chunk is not what it should be, or not there; the message says what is wrong with it."""


class TooLarge(Unreadable):
    """It unpacks to more than it may."""


EXTRACTED = "extracted"
"""Beside an item's score: 1 where an answer was found in what the model said, 0 where it was wrong for lack of one."""


class Tally(NamedTuple):
    """Samples of a chunk: in all, by task, and of tasks that say so by task how many have no readable answer."""

    total: int
    tasks: dict[str, int]
    unextracted: dict[str, int]


def tally(body: bytes, tasks: Iterable[str], *, limit: int) -> Tally:
    """How many samples a chunk holds, and how many for each of `tasks`; raises Unreadable.

    All of it is unpacked and read, so that whatever is stored can be read again. `limit` is in bytes, unpacked.
    """
    if body.count(MEMBER) > MEMBERS:
        raise TooLarge(f"A chunk has at most {MEMBERS:,} gzip members.")
    total, found, lost = 0, dict.fromkeys(tasks, 0), dict[str, int]()
    for line in lines(BytesIO(body), limit=limit):
        total += 1
        if total > CHUNK_SAMPLES:
            raise TooLarge(f"A chunk has at most {CHUNK_SAMPLES:,} samples.")
        try:
            sample = decode_sample(line)
        except ContractError as error:
            raise Unreadable(f"Line {total} is not a sample: {str(error)[:SAID_LIMIT]}") from error
        task = sample.counts_for
        if task in found:
            found[task] += 1
            told = [scores[EXTRACTED] for scores in sample.scores.values() if EXTRACTED in scores]
            if told:
                lost[task] = lost.get(task, 0) + (max(told) < 1)
    if not total:
        raise Unreadable("It holds no samples.")
    return Tally(total, {task: count for task, count in found.items() if count}, lost)


def lines(packed: IO[bytes], *, limit: int | None = None) -> Iterator[bytes]:
    """The lines of a gzip stream; raises Unreadable, for damage when it comes to it, TooLarge past `limit` bytes."""
    unpacked = 0
    # GzipFile's own readline is Python around a buffer of 8 kB; one buffer in front of it reads lines twice as fast.
    with gzip.GzipFile(fileobj=packed, mode="rb") as whole, BufferedReader(whole, BUFFER) as stream:
        while True:
            try:
                line = stream.readline(SAMPLE_BYTES + 1)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise Unreadable(f"It is not whole gzip data: {error}") from error
            if not line:
                return
            unpacked += len(line)
            if len(line) > SAMPLE_BYTES:
                raise TooLarge(f"A sample has at most {SAMPLE_BYTES:,} bytes.")
            if limit is not None and unpacked > limit:
                raise TooLarge(f"A chunk unpacks to at most {limit:,} bytes.")
            yield line


def kept(row: Submission) -> QuerySet[SampleChunk]:
    """The chunks behind a submission's results: those of the attempt that brought them, in order."""
    last = SampleChunk.objects.filter(job__submission=row, job__state=Job.State.DONE, attempt=F("job__attempt"))
    last = last.exclude(job__kind=Job.Kind.SHARE)
    return last.order_by("job_id", "sequence")


def stored(chunks: Iterable[SampleChunk]) -> Iterator[Sample]:
    """The samples of stored chunks, in order; raises Unreadable for a chunk that was lost or damaged in storage."""
    for chunk in chunks:
        for line in stored_lines(chunk):
            with readable(chunk):
                sample = decode_sample(line)
            yield sample


def stored_lines(chunk: SampleChunk) -> Iterator[bytes]:
    """The samples of a stored chunk as they are kept; raises Unreadable as `stored`."""
    with readable(chunk), default_storage.open(chunk.path) as packed:
        yield from lines(packed)


@contextmanager
def readable(chunk: SampleChunk) -> Iterator[None]:
    """Raises Unreadable for whatever shows that a chunk is not as it was stored."""
    try:
        yield
    except (FileNotFoundError, Unreadable, ContractError) as error:
        raise Unreadable(f"Chunk {chunk.sequence} of the samples cannot be read any more.") from error
