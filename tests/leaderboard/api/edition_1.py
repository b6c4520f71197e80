"""The wire types of edition 1, as they were when workers were first given out. Frozen: never changed again.

A worker that was installed then has exactly these, decodes strictly, and must go on working against every site that
serves version 1 (the rule is in evaluator/contract).
"""

import hashlib
import json
from typing import Annotated, Any, Literal, TypeVar

import msgspec

VERSION = 1
"""Of the worker API: the site serves it under /api/worker/v1/."""

ATTEMPT_TOKEN_HEADER = "Parity-Attempt-Token"
"""Carries the token of one attempt (claim) of one job, beside the worker's own bearer token."""

CHUNK_DIGEST_HEADER = "Parity-Chunk-Digest"
"""Lower-case hex SHA-256 of a chunk's body as sent (gzip)."""

Engine = Literal["vllm", "transformers"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Queue = Literal["cpu", "gpu"]


Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""What a database's integer holds."""


class ContractError(ValueError):
    """A body that is not JSON or not of the expected type; the message names the field."""


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all bodies."""


class Settings(Wire, frozen=True):
    """How a revision is run. Two submissions differ in settings exactly when these differ."""

    engine: Engine = "vllm"
    dtype: Dtype = "auto"
    apply_chat_template: bool = False
    max_length: int | None = None


class TaskSpec(Wire, frozen=True):
    """One lm-eval task or group of a suite, and which of its numbers is the score."""

    task: str
    title: str
    metric: str
    filter: str = "none"
    num_fewshot: int | None = None
    limit: int | None = None
    higher_is_better: bool = True
    baseline: float = 0.0


class SuiteSpec(Wire, frozen=True):
    """A released suite: an immutable list of tasks. `bundle` is the SHA-256 of the archive with its own task files."""

    name: str
    version: int
    title: str
    tasks: tuple[TaskSpec, ...]
    description: str = ""
    normalise: bool = False
    """True: scores count as 100 max(0, (x - baseline) / (1 - baseline)), as on the Open LLM Leaderboard v2."""
    bundle: str | None = None

    @property
    def slug(self) -> str:
        return f"{self.name}@{self.version}"


class ModelRef(Wire, frozen=True):
    """A pinned revision: `sha` is a Hub commit, or the digest of a mirror's folder (see `evaluator.hub`)."""

    name: str
    sha: str


class ClaimRequest(Wire, frozen=True):
    """What a worker says of itself when it asks for a job."""

    worker: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    queues: tuple[Queue, ...]
    engines: tuple[Engine, ...]
    hardware: Annotated[str, msgspec.Meta(max_length=300)] = ""


class JobSpec(Wire, frozen=True):
    """A claimed job: everything that is needed to run it."""

    job: int
    attempt: int
    token: str
    lease_seconds: float
    heartbeat_seconds: float
    model: ModelRef
    suite: SuiteSpec
    settings: Settings


class Heartbeat(Wire, frozen=True):
    """Progress of an attempt, in items. `log` is the newest part of the child's log, at most `LOG_LIMIT` characters."""

    attempt: Count
    phase: Literal["preparing", "loading", "evaluating", "posting"]
    done: Count = 0
    total: Count = 0
    log: str = ""


LOG_LIMIT = 8_000


class HeartbeatReply(Wire, frozen=True):
    """`cancel` asks the worker to stop the attempt and acknowledge with a `Failure` of kind "cancelled"."""

    cancel: bool
    lease_seconds: float


class Sample(Wire, frozen=True):
    """One item's record. `scores` holds, by filter, the value of each metric for this item."""

    task: str
    doc_id: int
    item_hash: str
    target: str
    prompts: tuple[str, ...]
    """What the model was given: one text, or one for each choice (context and choice apart by U+241F)."""
    responses: tuple[str, ...]
    """What came back: generated texts, or "log-likelihood, is_greedy" pairs."""
    answers: dict[str, str]
    scores: dict[str, dict[str, float]]


class TaskResult(Wire, frozen=True):
    """One task's score: None with `unavailable` (why, in plain words) where it could not be measured.

    `item_scores[i]` belongs to `item_hashes[i]`; both are in the task's document order, groups in subtask order.
    """

    task: str
    metric: str
    filter: str
    score: float | None = None
    stderr: float | None = None
    n: Count = 0
    unavailable: str = ""
    item_hashes: tuple[str, ...] = ()
    item_scores: tuple[float, ...] = ()


class Chunk(Wire, frozen=True):
    """A posted chunk of samples: gzip JSONL. `sequence` counts from 0 within the attempt."""

    sequence: Count
    digest: str
    samples: Count


class Results(Wire, frozen=True):
    """Ends an attempt well: every task of the suite once, and every chunk that was posted."""

    attempt: Count
    tasks: tuple[TaskResult, ...]
    chunks: tuple[Chunk, ...]
    provenance: dict[str, Any]
    load_seconds: float
    evaluation_seconds: float


class Failure(Wire, frozen=True):
    """Ends an attempt badly.

    "model": it would fail again anywhere. "platform": worth another attempt, a few times. "released": the worker is
    being stopped, the job waits again at once. "cancelled": acknowledges the owner's wish.
    """

    attempt: Count
    kind: Literal["model", "platform", "released", "cancelled"]
    code: str
    message: str
    log: str = ""


T = TypeVar("T")


def encode(body: Wire) -> bytes:
    """JSON of a body."""
    return msgspec.json.encode(body)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Body of type `kind`; raises ContractError naming the field that does not fit."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ContractError(str(error)) from error
    except RecursionError as error:
        raise ContractError("The JSON is nested too deeply.") from error


def canonical_json(value: Any) -> bytes:
    """One spelling for equal values: sorted keys, no spaces, UTF-8. Lone surrogates are escaped, never lost."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()


def item_hash(task: str, doc: dict[str, Any], target: Any) -> str:
    """SHA-256 (hex) of an item. The rendered prompt stays out: a chat template changes it, the item stays the same."""
    return hashlib.sha256(canonical_json([task, doc, target])).hexdigest()


def settings_digest(settings: Settings) -> str:
    """SHA-256 (hex) of settings, equal for equal settings."""
    return hashlib.sha256(canonical_json(msgspec.to_builtins(settings))).hexdigest()
