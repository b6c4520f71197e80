"""One item of a task over all models: who solves it, and where each answer can be read."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import BinaryField, F, Func, IntegerField, QuerySet, Value

from leaderboard.models import ItemSet, Model, Remark, Result, Submission, Suite
from leaderboard.queries.errors import Missing
from leaderboard.queries.hidden import hidden_tasks
from leaderboard.queries.item_texts import ItemText, item_texts
from leaderboard.queries.items import HALF
from leaderboard.queries.tasks import TaskLine, task_line

HASH = re.compile(r"[0-9a-f]{64}")
BYTES, BYTES_OF_SCORE = 32, 4
MOST_MODELS = 1_000
"""The newest results of so many submissions are looked at."""
LISTED = 100
READ_FROM = 3
"""Submissions whose stored samples are looked through for the item's text."""


@dataclass(frozen=True)
class Answer:
    """A model's newest score on the item, as a fraction."""

    submission: int
    model: str
    kind: str
    suite: str
    score: float


class Score(NamedTuple):
    """A model's newest score on the item, by keys."""

    score: float
    submission: int
    model: int
    suite: int


@dataclass(frozen=True)
class OneItem:
    """An item. `answers` are the newest of each model, best first, at most LISTED of `models`; `newest_only`: nothing
    but the results that came last was looked at. `text` None: no stored sample that was looked at has it, or it is
    `hidden`."""

    line: TaskLine
    hash: str
    answers: list[Answer]
    models: int
    newest_only: bool
    solved: int
    text: ItemText | None
    hidden: str
    notes: list[Remark]


def one_item(task: str, item: str) -> OneItem:
    """Raises Missing. 7 queries, and two for each set of items that holds it."""
    line = task_line(task)
    if not HASH.fullmatch(item):
        raise Missing("item", "An item is named by its hash, 64 digits and letters a to f.")
    found, more = newest(item, line)
    if not found:
        raise Missing("item", f"No model that was measured here answered this item of {task}.")
    upwards = line.places[0].higher_is_better
    solved = sum(one.score >= HALF if upwards else one.score <= HALF for one in found)
    ordered = sorted(found, key=lambda one: -one.score if upwards else one.score)  # of equals the newest first
    texts = item_texts(task, [one.submission for one in found[:READ_FROM]], [item])
    notes = list(Remark.objects.filter(kind=Remark.Kind.CONTAMINATION, task=task).select_related("model"))
    hidden = hidden_tasks().get(task, "")
    return OneItem(line, item, named(ordered[:LISTED]), len(found), more, solved, texts.get(item), hidden, notes)


def named(scores: list[Score]) -> list[Answer]:
    """Scores with the names of what their keys are. 2 queries."""
    models = Model.objects.in_bulk({one.model for one in scores})
    suites = Suite.objects.defer("definition").in_bulk({one.suite for one in scores})
    return [
        Answer(one.submission, models[one.model].name, models[one.model].kind, suites[one.suite].slug, one.score)
        for one in scores
    ]


def newest(item: str, line: TaskLine) -> tuple[list[Score], bool]:
    """The newest score of each model, newest first, and whether there are older ones that were not looked at. 1 query,
    and two for each set of items that holds this one."""
    every: dict[int, Score] = {}
    more = False
    for items, place in sets_with(item):
        newest = newest_submissions(items)
        more |= newest[MOST_MODELS - 1 : MOST_MODELS].exists()
        every |= {one.submission: one for one in scores_on(items, place, line, newest[:MOST_MODELS])}
    found: dict[int, Score] = {}
    for key in sorted(every, reverse=True)[:MOST_MODELS]:
        found.setdefault(every[key].model, every[key])
    return list(found.values()), more


def newest_submissions(items: str) -> QuerySet[Result, Any]:
    """Those that answered a set of items, the last first and private ones among them. Read from an index alone, in a
    query of its own within the one for scores: PostgreSQL does not know that all results on a set are of one task, and
    would read every one of them; and a thousand numbers as a list take it longer to read than what they name."""
    return Result.everything.filter(items=items).order_by("-submission_id").values("submission_id")


def scores_on(items: str, place: int, line: TaskLine, submissions: QuerySet[Result, Any]) -> Iterator[Score]:
    """The scores at a place of a set of items of those submissions that anybody may see."""
    rows = Result.objects.filter(
        submission__in=submissions, task__in=line.places, submission__state=Submission.State.SUCCEEDED
    ).annotate(stored=score_at(place))
    for submission, model, suite, of, stored in rows.values_list(
        "submission_id", "submission__revision__model_id", "submission__suite_id", "items_id", "stored"
    ):
        if of == items and len(stored) == BYTES_OF_SCORE:
            yield Score(struct.unpack("<f", bytes(stored))[0], submission, model, suite)


def score_at(place: int) -> Func:
    """The bytes of one item's score among a result's."""
    start, size = Value(BYTES_OF_SCORE * place + 1), Value(BYTES_OF_SCORE)
    return Func(F("item_scores"), start, size, function="substring", output_field=BinaryField())


def sets_with(item: str) -> list[tuple[str, int]]:
    """Item sets that hold the item, each with its place there. 1 query."""
    wanted = bytes.fromhex(item)
    at = Func(Value(wanted), F("hashes"), template="position(%(expressions)s)", arg_joiner=" in ",
              output_field=IntegerField())  # fmt: skip
    rows = ItemSet.objects.annotate(at=at).filter(at__gt=0)
    found = []
    for digest, hashes in rows.values_list("digest", "hashes"):
        places = range(0, len(hashes), BYTES)
        place = next((at // BYTES for at in places if bytes(hashes[at : at + BYTES]) == wanted), None)
        if place is not None:  # and not across two hashes
            found.append((digest, place))
    return found
