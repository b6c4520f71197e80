"""What items ask: prompt, choices and target, from the stored samples of a submission that answered them."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from django.core.files.storage import default_storage
from django.db.models import F

from evaluator.contract import ContractError, Sample, decode_sample
from leaderboard import chunks
from leaderboard.choices import choices
from leaderboard.models import Job, SampleChunk
from leaderboard.queries.hidden import hidden_tasks

READ_BYTES = 32 * 2**20
"""Unpacked bytes of samples that are searched for a page; items further on are listed without their texts."""
MOST_CHUNKS = 200
MOST_CHOICES = 40

HASH = re.compile(rb'"item_hash"\s*:\s*"([0-9a-f]{64})"')
"""In a sample's line. No text can imitate it: its quotation marks would have backslashes before them."""


@dataclass(frozen=True)
class ItemText:
    """`choices` continue the prompt; none where the answer is generated."""

    prompt: str
    choices: list[str]
    target: str


def item_texts(task: str, submissions: Collection[int], hashes: Collection[str]) -> dict[str, ItemText]:
    """Texts by item hash, of those that are found within READ_BYTES; none of a hidden task. 2 queries;
    unreadable chunks are passed over."""
    if not submissions or not hashes or task in hidden_tasks():
        return {}
    kept = (
        SampleChunk.objects.filter(
            job__submission__in=submissions, job__state=Job.State.DONE, attempt=F("job__attempt")
        )
        .exclude(job__kind=Job.Kind.SHARE)
        .order_by("-job__submission_id", "job_id", "sequence")
    )  # fmt: skip
    wanted = {value.encode() for value in hashes}
    found: dict[str, ItemText] = {}
    left = READ_BYTES
    for chunk in kept[:MOST_CHUNKS]:
        if not wanted or left <= 0:
            break
        if not chunk.tasks or task in chunk.tasks:
            left -= search(chunk, task, wanted, found, left)
    return found


def search(chunk: SampleChunk, task: str, wanted: set[bytes], found: dict[str, ItemText], most: int) -> int:
    """Move what a chunk knows from `wanted` to `found`; returns how many bytes were read."""
    read = 0
    try:
        with default_storage.open(chunk.path) as packed:
            for line in chunks.lines(packed):
                read += len(line)
                named = HASH.search(line)
                if named and named[1] in wanted:
                    sample = decode_sample(line)
                    if sample.counts_for == task and sample.item_hash.encode() in wanted:
                        wanted.discard(sample.item_hash.encode())
                        found[sample.item_hash] = text_of(sample)
                if not wanted or read >= most:
                    break
    except (FileNotFoundError, chunks.Unreadable, ContractError):
        pass  # lost or damaged in storage: the submission's own page says so, here the texts are missing
    return read


def text_of(sample: Sample) -> ItemText:
    """The prompt that all choices share; where each has its own, the choices are whole prompts."""
    options = choices(sample)
    contexts = {option.context for option in options}
    if len(contexts) == 1:
        return ItemText(contexts.pop(), [option.text for option in options[:MOST_CHOICES]], sample.target)
    if options:
        return ItemText("", [option.context + option.text for option in options[:MOST_CHOICES]], sample.target)
    return ItemText(sample.prompts[0] if sample.prompts else "", [], sample.target)
