"""A workload as a suite of one task: what the site packs into its bundle, and the worker's task reads. Data alone.

The bundle holds one file of JSON lines: first a `Head`, then one `Asked` for each item. The task around it is ours
(`evaluator.engines.workload`), and no text of these lines is ever a template, a pattern of Python or code.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from evaluator.contract import TaskSpec
from evaluator.suites.bundle import pack
from evaluator.suites.task_files import WORKLOAD, SuiteError

FILE = WORKLOAD
TASK, METRIC, FILTER = "parity_workload", "workload_score", "answer"
ANSWER_TOKENS, MOST_TOKENS = 1_024, 32_768
"""Of an answer: where nothing is said, and at most."""
Tokens = Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)]


class Head(msgspec.Struct, frozen=True):
    """How all items are scored (`evaluator.scoring.spec`), and the tokens of an answer where an item does not say."""

    scoring: dict[str, Any]
    max_tokens: Tokens = ANSWER_TOKENS


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item: (role, text) by (role, text), and what its answer is compared with."""

    messages: tuple[tuple[str, str], ...]
    references: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    max_tokens: Tokens | None = None


def task_spec(n: int) -> TaskSpec:
    """The one task, of n items."""
    return TaskSpec(task=TASK, title="Workload", metric=METRIC, filter=FILTER, num_fewshot=0, limit=n)


def digest(bundle: bytes) -> str:
    """The SHA-256 (hex) by which a suite names its bundle."""
    return hashlib.sha256(bundle).hexdigest()


def packed(head: Head, items: Iterable[Asked]) -> bytes:
    """The bundle; raises SuiteError where it becomes too large."""
    encoder = msgspec.json.Encoder()
    lines = [encoder.encode(head), *map(encoder.encode, items)]
    return pack({FILE: b"\n".join(lines) + b"\n"})


def read(path: Path) -> tuple[Head, Iterator[Asked]]:
    """A bundle's file, unpacked; raises SuiteError for a line that is none of it."""
    lines = iter(path.read_bytes().splitlines())
    decoder = msgspec.json.Decoder(Asked)
    try:
        head = msgspec.json.decode(next(lines), type=Head)
    except (msgspec.MsgspecError, StopIteration) as error:
        raise SuiteError(f"{FILE}: its first line does not say how answers are scored: {error}") from error

    def items() -> Iterator[Asked]:
        for number, line in enumerate(lines, start=2):
            try:
                yield decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise SuiteError(f"{FILE}, line {number}: this is no item of a workload: {error}") from error

    return head, items()


def transcript(messages: Iterable[tuple[str, str]]) -> str:
    """Messages for a model without a chat template: a prompt alone as it is, a conversation with its roles."""
    told = list(messages)
    before = [text for role, text in told if role == "system"]
    rest = [(role, text) for role, text in told if role != "system"]
    if [role for role, _ in rest] == ["user"]:
        return "\n\n".join([*before, rest[0][1]])
    lines = [f"{role.capitalize()}: {text}" for role, text in rest]
    return "\n\n".join([*before, *lines, "Assistant:"])
