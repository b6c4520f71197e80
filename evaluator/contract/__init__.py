"""The wire between the site and its workers: frozen types, imported by both sides, with light imports only.

Every body is JSON, decoded by `decode` into one of these types; unknown fields and wrong types are refused there.
Scores and standard errors of tasks are fractions in [0, 1]. This file does not know how bodies travel
(`evaluator.client`, `leaderboard.api.worker`) or what a job's states are (`leaderboard.models.submissions`).
"""

import hashlib
import json
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from evaluator.contract.base import Count as Count
from evaluator.contract.base import Wire as Wire
from evaluator.contract.early import EarlyReply as EarlyReply
from evaluator.contract.early import EarlyScores as EarlyScores
from evaluator.contract.endpoints import LATENCY_BOUNDS as LATENCY_BOUNDS
from evaluator.contract.endpoints import Check as Check
from evaluator.contract.endpoints import EndpointSpec as EndpointSpec
from evaluator.contract.endpoints import Preflight as Preflight
from evaluator.contract.endpoints import Price as Price
from evaluator.contract.endpoints import Protocol as Protocol
from evaluator.contract.endpoints import Sampling as Sampling
from evaluator.contract.endpoints import Spent as Spent
from evaluator.contract.handover import PART_BYTES as PART_BYTES
from evaluator.contract.handover import Part as Part
from evaluator.contract.handover import Parts as Parts
from evaluator.contract.handover import Replies as Replies
from evaluator.contract.handover import Shard as Shard

VERSION = 1
"""Of the worker API: the site serves it under /api/worker/v1/."""

EDITION = 10
"""Of the bodies under that version: 2 adds what a worker can run, and time limits; 3 adds endpoints; 4 adds models that
think before they answer; 5 adds workloads, of which nothing may outlive its job on a worker; 6 adds adapters, and
looking at the job that comes next; 7 adds runs that use nothing measured before, and stored responses scored anew; 8
adds jobs that end once they are decided (an older worker measures all of them), and workloads whose answers are
programs; 9 adds the trace that a job belongs to; 10 adds shards of a submission (an older worker gets none).

Sites are upgraded before their workers, and a worker of any older edition goes on working. So within one version:

- What workers send (ClaimRequest, Heartbeat, Results, Failure and what is in them) may gain fields that have a default,
  and accept more values. No field goes, changes its name, type or meaning, becomes required, or accepts less.
- What the site sends (JobSpec, HeartbeatReply and what is in them, the suite's definition included) may gain fields
  that have a default, in a type with `omit_defaults`, and the site leaves them at that default for a worker whose
  ClaimRequest says an older edition: decoding is strict, and what it does not know it refuses. The same holds for new
  values of the fields that there are.
- Routes, headers and the meaning of statuses stay; codes of errors may be added.

Anything else is another VERSION under a path of its own. tests/leaderboard/api/edition_1.py is the frozen first
edition, and plays an old worker against the site.
"""

ATTEMPT_TOKEN_HEADER = "Parity-Attempt-Token"
"""Carries the token of one attempt (claim) of one job, beside the worker's own bearer token."""

CHUNK_DIGEST_HEADER = "Parity-Chunk-Digest"
"""Lower-case hex SHA-256 of the body as sent (gzip), of a chunk or a part."""

JOURNAL_HEADER = "Parity-Journal"
"""The identity of the journal whose lines a part holds."""

Engine = Literal["vllm", "transformers", "endpoint"]
Ability = Literal["vllm", "transformers", "endpoint", "vllm-images"]
"""What a worker can do: its engines, and vLLM with images where its host has what that needs."""
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Queue = Literal["cpu", "gpu", "api"]


class ContractError(ValueError):
    """A body that is not JSON or not of the expected type; the message names the field."""


THINK_END = "</think>"
"""How most models end their thoughts."""


class Settings(Wire, frozen=True, omit_defaults=True):
    """How a revision is run. Two submissions differ in settings exactly when these differ.

    `thinking`: what the chat template is told (`enable_thinking`), None: nothing. `think_end`: what ends a thought in
    what the model says; it and all before it is no answer. "" is `THINK_END` for a model that is told to think, and
    nothing for others. `thinking_tokens`: what a thought may take beside what the task allows for an answer.
    """

    engine: Engine = "vllm"
    dtype: Dtype = "auto"
    apply_chat_template: bool = False
    max_length: int | None = None
    thinking: bool | None = None
    think_end: Annotated[str, msgspec.Meta(max_length=100)] = ""
    thinking_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**20)] = 0

    @property
    def end_of_thought(self) -> str:
        """The marker that counts, "" where nothing does."""
        return self.think_end or (THINK_END if self.thinking else "")


FIRST_SETTINGS = ("engine", "dtype", "apply_chat_template", "max_length")
"""Those of the first edition: always spelled out."""


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


class ModelRef(Wire, frozen=True, omit_defaults=True):
    """A pinned revision: `sha` is a Hub commit, or the digest of a mirror's folder (see `evaluator.hub`).

    `base`: of an adapter, the revision that it changes; it has no base itself.
    """

    name: str
    sha: str
    base: "ModelRef | None" = None


class ClaimRequest(Wire, frozen=True):
    """What a worker says of itself when it asks for a job.

    `memory_bytes`: what it has for a model, None when it does not know. `architectures`: the only ones it runs, such as
    LlamaForCausalLM; none: whatever its engines can. `nonce`: fresh for each claim, and the same when it is sent again
    because its answer was lost: the site then gives the same attempt once more. `looks_only`: it has a hand free for a
    look at an endpoint, which takes seconds, and for nothing else.
    """

    worker: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    queues: tuple[Queue, ...]
    engines: tuple[Ability, ...]
    hardware: Annotated[str, msgspec.Meta(max_length=300)] = ""
    memory_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    architectures: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=200)], ...], msgspec.Meta(max_length=1000)
    ] = ()
    edition: Count = 1
    nonce: Annotated[str, msgspec.Meta(max_length=64)] = ""
    looks_only: bool = False


HELLO_SECONDS = 30.0
"""A worker that is rung for says this often that it is there, also when nothing is to be done; one that has been silent
for three times as long counts as away."""


class Upcoming(Wire, frozen=True, omit_defaults=True):
    """What a worker might run next, if nobody else takes it first: nothing is leased. `size_bytes`: of its weights,
    those of its base included."""

    model: ModelRef
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class JobSpec(Wire, frozen=True, omit_defaults=True):
    """A claimed job: everything that is needed to run it.

    `limit_seconds`: the longest the attempt may take. `task_limit_seconds`: the longest that each task may; tasks that
    run in one call of lm-eval share the sum.
    """

    job: int
    attempt: int
    token: str
    lease_seconds: float
    heartbeat_seconds: float
    model: ModelRef
    suite: SuiteSpec
    settings: Settings
    limit_seconds: float | None = None
    task_limit_seconds: float | None = None
    endpoint: EndpointSpec | None = None
    """Where the queue is "api"; `model` then names the endpoint's model, without weights."""
    private: bool = False
    """Somebody's own prompts: the worker keeps no response of it beyond the attempt."""
    fresh: bool = False
    """Every request is asked: nothing that another job was answered is used."""
    replies: Replies | None = None
    """Stored responses to score; no model is asked."""
    shard: Shard | None = None
    """None: all of the submission's requests."""
    looks: tuple[Count, ...] = ()
    """Of a suite with one task: after how many of its items the worker shows their scores, and asks whether that is
    enough. Ascending, and less than all."""
    trace: str = ""
    """The request that asked for it, as a W3C traceparent, where the site traces (evaluator.tracing)."""


class Heartbeat(Wire, frozen=True):
    """Progress of an attempt, in items. `log` is the newest part of the child's log, at most `LOG_LIMIT` characters."""

    attempt: Count
    phase: Literal["preparing", "loading", "evaluating", "posting"]
    done: Count = 0
    total: Count = 0
    log: str = ""
    spent: Spent | None = None


LOG_LIMIT = 8_000


class HeartbeatReply(Wire, frozen=True):
    """`cancel` asks the worker to stop the attempt and acknowledge with a `Failure` of kind "cancelled"."""

    cancel: bool
    lease_seconds: float


SEPARATOR = "␟"
"""Between context and continuation of a log-likelihood request."""

SAMPLE_BYTES, SAMPLE_TEXTS, CHUNK_SAMPLES = 16 * 2**20, 50_000, 10_000
"""The most that the site takes: bytes of a sample's line, texts in it (names too), samples of a chunk."""

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class Sample(Wire, frozen=True, omit_defaults=True):
    """One item's record. `scores` holds, by filter, the value of each metric for this item.

    Travels by `encode_sample` and `decode_sample`, which keep every text exactly, and not by `encode` and `decode`.
    """

    task: str
    doc_id: int
    item_hash: str
    target: str
    prompts: tuple[str, ...]
    """What the model was given: one text, or one for each choice (context and choice apart by `SEPARATOR`)."""
    responses: tuple[str, ...]
    """What came back: generated texts, or "log-likelihood, is_greedy" pairs."""
    answers: dict[str, str]
    scores: dict[str, dict[str, float]]
    suite_task: str = ""
    """The suite's task that this item counts for, where that is a group and `task` one of its parts."""
    reasons: dict[str, str] = {}
    """By filter, why a program that the model wrote did not pass; nothing where it did, or where none was run."""
    tokens_in: Count | None = None
    """Of all its prompts as the model got them, continuations included; None where nobody counted."""
    tokens_out: Count | None = None
    """Of all texts that the model made, thinking included."""
    finish: tuple[str, ...] = ()
    """Why each of these texts ended: "stop", or "length" for one that was cut at its limit; "" unknown."""
    thinking: tuple[str, ...] = ()
    """What the model thought before each response, which is without it; () where none did."""
    asked: str = ""
    """SHA-256 (hex) of what the item's requests said and allowed, before any chat template; "" where it cannot be
    told. The responses of an item that is asked the same are the same."""

    @property
    def counts_for(self) -> str:
        """The suite's task."""
        return self.suite_task or self.task


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
    spent: Spent | None = None


class Failure(Wire, frozen=True):
    """Ends an attempt badly.

    "model": it would fail again anywhere. "platform": worth another attempt, a few times. "released": the worker is
    being stopped, the job waits again at once. "cancelled": acknowledges the owner's wish. "budget": the endpoint's
    budget is used up, the job pauses until its owner raises it.
    """

    attempt: Count
    kind: Literal["model", "platform", "released", "cancelled", "budget"]
    code: str
    message: str
    log: str = ""
    spent: Spent | None = None


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


def encode_sample(sample: Sample) -> bytes:
    """A sample as one line of ASCII JSON, without its end.

    Models and data sets contain any text, so also lone surrogates, for which UTF-8 has no bytes and msgspec no mercy:
    as escapes (\\ud800) they survive. A high one followed by a low one is one character there and back, as in UTF-16.
    """
    body = msgspec.to_builtins(sample)
    return json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def decode_sample(line: bytes) -> Sample:
    """The sample of one line; raises ContractError. Takes memory in proportion to the line's length, whatever it says.

    msgspec goes first: it stops at the first thing that does not belong, where json would build lists in lists. A text
    begins with a quotation mark that no backslash precedes, so that texts can be counted before any is made.
    """
    if line.count(b'"') - line.count(b'\\"') > 2 * SAMPLE_TEXTS:
        raise ContractError(f"A sample has at most {SAMPLE_TEXTS:,} texts.")
    if not SURROGATE.search(line):
        return decode(line, Sample)
    decode(SURROGATE.sub(rb"\\ufffd", line), Sample)  # of the right shape, and then exactly:
    return msgspec.convert(json.loads(line), Sample)


def canonical_json(value: Any) -> bytes:
    """One spelling for equal values: sorted keys, no spaces, UTF-8. Lone surrogates are escaped, never lost."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()


def item_hash(task: str, doc: dict[str, Any], target: Any) -> str:
    """SHA-256 (hex) of an item. The rendered prompt stays out: a chat template changes it, the item stays the same."""
    return hashlib.sha256(canonical_json([task, doc, target])).hexdigest()


def spelled(settings: Settings) -> dict[str, Any]:
    """Settings as they are stored and shown: the first edition's always, later ones where they are not the default, so
    that equal settings of any edition are spelled alike."""
    return {**{name: getattr(settings, name) for name in FIRST_SETTINGS}, **msgspec.to_builtins(settings)}


def settings_digest(settings: Settings) -> str:
    """SHA-256 (hex) of settings, equal for equal settings."""
    return hashlib.sha256(canonical_json(spelled(settings))).hexdigest()
