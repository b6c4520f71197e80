"""The measured context of models: what a suite's RULER tasks say, length by length, beside the advertised window."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from leaderboard.models import Model, Result, Revision, Submission
from leaderboard.queries.endpoints import vouched
from leaderboard.statistics.ranks import Z95
from leaderboard.statistics.reach import LOSS, measured_context

PREFIX = "ruler_"
LENGTH = rf"^{PREFIX}[1-9][0-9]{{2,7}}$"
"""A suite's task that measures at one length, in tokens."""
MOST_LENGTHS = 40


@dataclass(frozen=True)
class AtLength:
    """The score (0-100) at one length, with its 95 % interval where its error is known."""

    tokens: int
    score: float | None
    half: float | None
    unavailable: str


@dataclass(frozen=True)
class Reach:
    """One evaluation by length, shortest first. `advertised` and `measured` are in tokens, `loss` in percent."""

    submission: Submission
    advertised: int | None
    lengths: list[AtLength]
    measured: int | None
    loss: float = 100 * LOSS

    @property
    def shortest(self) -> AtLength:
        return self.lengths[0]

    @property
    def least(self) -> float | None:
        """The score that a length needs to count as read."""
        return None if self.shortest.score is None else (1 - LOSS) * self.shortest.score

    @property
    def drawn(self) -> list[AtLength]:
        """Those with a score."""
        return [one for one in self.lengths if one.score is not None]


def reach_of(model: Model, advertised: int | None) -> Reach | None:
    """By the newest evaluation of a model that measured lengths; None where none did. 1 query."""
    rows = list(results().filter(submission__revision__model=model)[:MOST_LENGTHS])
    newest = [row for row in rows if row.submission_id == rows[0].submission_id]
    if not newest:
        return None
    lengths = sorted((at_length(row) for row in newest), key=lambda one: one.tokens)
    return Reach(newest[0].submission, advertised, lengths, measured_of(newest))


def measured_contexts() -> dict[str, int]:
    """Model -> its measured context in tokens, by its newest evaluation that measured lengths. 1 query."""
    found = {name: measured_of(rows) for name, rows in newest_lengths().items()}
    return {name: tokens for name, tokens in found.items() if tokens is not None}


@dataclass(frozen=True)
class Tried:
    """A model's newest evaluation by length; `longest`: the longest length that has a score, 0 for none."""

    model: str
    kind: str
    parameters: int | None
    submission: int
    measured: int | None
    longest: int


def tried_contexts() -> list[Tried]:
    """Every model of which lengths were measured, by name, without endpoints that nobody vouches for. 2 queries."""
    found, newest = [], newest_lengths()
    pinned = {name: rows[0].submission.revision for name, rows in newest.items()}
    behind = [(one.origin, one.served) for one in pinned.values() if one and one.source == Revision.Source.ENDPOINT]
    known = vouched(behind) if behind else set()
    for name, rows in sorted(newest.items()):
        revision = pinned[name]
        assert revision is not None  # as in newest_lengths()
        if revision.source == Revision.Source.ENDPOINT and (revision.origin, revision.served) not in known:
            continue
        longest = max((length_of(row) for row in rows if row.score is not None), default=0)
        found.append(
            Tried(name, revision.model.kind, revision.parameters, rows[0].submission_id, measured_of(rows), longest)
        )
    return found


def newest_lengths() -> dict[str, list[Result]]:
    """Model -> the results at lengths of its newest evaluation that has any. 1 query."""
    newest: dict[str, list[Result]] = {}
    for row in results():
        assert row.submission.revision is not None  # a constraint of the table: what succeeded was pinned
        of = newest.setdefault(row.submission.revision.model.name, [])
        if not of or of[0].submission_id == row.submission_id:
            of.append(row)
    return newest


def results() -> QuerySet[Result]:
    """The results at lengths of evaluations that count, the newest evaluation first."""
    found = Result.objects.filter(task__task__regex=LENGTH, submission__state=Submission.State.SUCCEEDED)
    chosen = found.select_related("task", "submission__suite", "submission__revision__model")
    return chosen.defer("item_scores", "submission__provenance", "submission__suite__definition").order_by(
        "-submission_id"
    )


def length_of(row: Result) -> int:
    return int(row.task.task.removeprefix(PREFIX))


def at_length(row: Result) -> AtLength:
    score = None if row.score is None else 100 * row.score
    half = None if row.stderr is None else 100 * Z95 * row.stderr
    return AtLength(length_of(row), score, half, row.unavailable)


def measured_of(rows: Iterable[Result]) -> int | None:
    return measured_context({length_of(row): row.score for row in rows})
