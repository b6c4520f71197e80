"""What supervisor and child tell each other, as files in the run's folder.

spec.json      written by the supervisor before the start         RunSpec
progress.json  replaced by the child about twice a second         Progress
responses.json written by the child once its engine is there      Responses
early.json     replaced by the child at each look                 Early
enough.json    replaced by the supervisor: what came of a look    Enough
samples.jsonl  written by the child once scoring is done          a Sample a line
outcome.json   written by the child last, when it succeeded       Outcome
failure.json   written by the child last, when it did not         Failed
child.log      everything the child printed
taken/         journals of what other shards have left, written by the supervisor's process
"""

import os
from pathlib import Path
from typing import Any, Literal

from evaluator.adapters import tokenizer_folder
from evaluator.contract import ModelRef, Sampling, Settings, Shard, SuiteSpec, TaskResult, Wire, decode, encode
from evaluator.planner import Plan

SPEC, PROGRESS, RESPONSES, EARLY, ENOUGH, SAMPLES, OUTCOME, FAILURE, LOG = (
    "spec.json",
    "progress.json",
    "responses.json",
    "early.json",
    "enough.json",
    "samples.jsonl",
    "outcome.json",
    "failure.json",
    "child.log",
)


TAKEN = "taken"
DISK_FULL = 4
"""The exit status of a child that could not write."""
OUT_OF_MEMORY = 5
"""The exit status of a child whose engine ran out of memory; failure.json says of which."""
Scoring = Literal["fast", "strict"]
"""How log-likelihoods are computed: each context once, or as lm-eval does. The scores are the same."""


class Behind(Wire, frozen=True):
    """A model that answers behind the gateway, as the child asks it.

    `url` is on loopback, and `token` opens nothing else: the child knows neither the endpoint's address nor its key.
    `model`: the name that it is served under. `chat`: it takes messages; else plain text to be completed.
    """

    url: str
    token: str
    model: str
    chat: bool
    sampling: Sampling
    concurrency: int


class RunSpec(Wire, frozen=True):
    """One evaluation for one child. Paths are absolute; `task_files` holds the suite's own task YAML, if any.

    `adapter_path`: the adapter that is put on the weights in `model_path`, "" for none.
    `journal`: the folder of finished requests, None to keep none. `scope`: only runs of the same scope share them.
    `behind`: the model has no weights here (`model_path` is empty), and is asked there.
    `looks`: after how many items of the suite's one task the child says what it has, and asks whether that is enough.
    `fallback`: the plan for a second start, should the engine run out of memory.
    `shard`: which of the requests it asks; None: all. What others answer meanwhile comes into the run's `TAKEN`.
    `replies`: a folder with stored samples (gzip JSONL) that are scored anew; then there is no model.
    """

    model: ModelRef
    model_path: str
    suite: SuiteSpec
    settings: Settings
    task_files: str | None = None
    journal: str | None = None
    scope: str = ""
    scoring: Scoring = "fast"
    plan: Plan = Plan()
    fallback: Plan | None = None
    behind: Behind | None = None
    shard: Shard | None = None
    looks: tuple[int, ...] = ()
    replies: str | None = None
    adapter_path: str = ""

    @property
    def adapter(self) -> Path | None:
        return Path(self.adapter_path) if self.adapter_path else None

    @property
    def tokenizer_path(self) -> str:
        """The folder of the tokenizer and chat template: the weights' or the adapter's."""
        return str(tokenizer_folder(Path(self.model_path), self.adapter)) if self.model_path else ""


class Progress(Wire, frozen=True):
    """Items done of all tasks together; `total` is 0 until the tasks are built.

    `call` counts the calls of lm-eval from 1; `tasks` are those that the current one measures together.
    """

    phase: Literal["preparing", "loading", "evaluating", "posting"] = "preparing"
    done: int = 0
    total: int = 0
    call: int = 0
    tasks: tuple[str, ...] = ()


class Outcome(Wire, frozen=True):
    """What a finished child measured. `table` is lm-eval's own `results`, task by task."""

    tasks: tuple[TaskResult, ...]
    table: dict[str, Any]
    provenance: dict[str, Any]
    load_seconds: float
    evaluation_seconds: float


class Failed(Wire, frozen=True):
    """Why a child gave up: something about the model or suite that would happen again."""

    code: str
    message: str


class Responses(Wire, frozen=True):
    """The journal that a child writes to: its name in the run's `journal` folder, and its bytes when it was opened."""

    name: str
    begin: int


class Early(Wire, frozen=True):
    """The scores of the first items, at one look."""

    scores: tuple[float, ...]


class Enough(Wire, frozen=True):
    """Whether the first `after` items are enough."""

    after: int
    enough: bool


class Unusable(Exception):
    """Raised in a child: the evaluation cannot be done with this model or suite. A code, and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def write(folder: Path, name: str, body: Wire) -> None:
    """Put `body` into the run's folder, whole or not at all."""
    fresh = folder / f".{name}"
    fresh.write_bytes(encode(body))
    fresh.replace(folder / name)


def read_spec(folder: Path) -> RunSpec:
    return decode((folder / SPEC).read_bytes(), RunSpec)


def read_progress(folder: Path) -> Progress:
    """The newest progress; the start of everything while the child has not said any."""
    path = folder / PROGRESS
    return decode(path.read_bytes(), Progress) if path.exists() else Progress()


def read_responses(folder: Path) -> Responses | None:
    """Where the child's responses go, once it knows."""
    path = folder / RESPONSES
    return decode(path.read_bytes(), Responses) if path.exists() else None


def read_early(folder: Path) -> Early | None:
    """The newest look, once there was one."""
    path = folder / EARLY
    return decode(path.read_bytes(), Early) if path.exists() else None


def read_enough(folder: Path) -> Enough | None:
    path = folder / ENOUGH
    return decode(path.read_bytes(), Enough) if path.exists() else None


def read_outcome(folder: Path) -> Outcome | None:
    path = folder / OUTCOME
    return decode(path.read_bytes(), Outcome) if path.exists() else None


def read_failure(folder: Path) -> Failed | None:
    path = folder / FAILURE
    return decode(path.read_bytes(), Failed) if path.exists() else None


def log_tail(folder: Path, *, limit: int) -> str:
    """The last `limit` bytes of the child's log, from a line's start where one starts there (a progress bar may be
    longer than that), and as a terminal would show it: of a bar that was drawn again and again the last one."""
    path = folder / LOG
    if not path.exists():
        return ""
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - limit))
        text = log.read().decode("utf-8", errors="replace")
    found = text if size <= limit else text.partition("\n")[2] or text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in found.split("\n"))
