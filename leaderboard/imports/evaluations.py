"""What a source of evaluations says, in the shape that `leaderboard.actions.import_evaluations` stores."""

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, NamedTuple

from evaluator.contract import canonical_json


class SourceError(Exception):
    """A source that cannot be read at all; the message names the file, the place in it, and what to do."""


class Note(NamedTuple):
    """Something that was left out, or is known only in part, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Items:
    """A task's items in order: 32 bytes of hash each, and their scores."""

    hashes: bytes
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation. `key` names it within its source; `sha` is "" where the source names no revision.

    `score` and `stderr` are 0-100; a missing score has its `unranked_reason`. `tasks` is what the board's cells show
    (`leaderboard.queries.rows.Cell`). `facts` is what else the source says; `of_model` and `of_revision` hold what it
    knows of the columns of `Model` and `Revision`.
    """

    key: str
    model: str
    sha: str
    settings: dict[str, Any]
    precision: str
    score: float | None
    stderr: float | None
    unranked_reason: str
    tasks: dict[str, dict[str, Any]]
    facts: dict[str, Any] = field(default_factory=dict)
    of_model: dict[str, Any] = field(default_factory=dict)
    of_revision: dict[str, Any] = field(default_factory=dict)
    evaluated_on: date | None = None
    items: dict[str, Items] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that it says."""
        said = {name: getattr(self, name) for name in self.__slots__ if name != "items"}
        said["items"] = {
            task: hashlib.sha256(repr(asdict(items)).encode()).hexdigest() for task, items in self.items.items()
        }
        return hashlib.sha256(canonical_json(said)).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """All that was read from one source.

    `whole`: the source is one table, so that what it no longer lists is withdrawn. `skipped` was left out,
    `incomplete` was taken in with something missing. `digest` is the SHA-256 (hex) of the bytes that were read.
    """

    name: str
    title: str
    url: str
    as_of: date | None
    digest: str
    whole: bool
    evaluations: list[Evaluation]
    skipped: list[Note] = field(default_factory=list)
    incomplete: list[Note] = field(default_factory=list)
