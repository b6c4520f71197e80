"""One item of a task over all models: who solves it, and where each answer can be read."""

import re
import struct
from dataclasses import dataclass

from django.db.models import BinaryField, Case, F, Func, IntegerField, Value, When

from leaderboard.models import ItemSet, Remark, Result, Submission
from leaderboard.queries.errors import Missing
from leaderboard.queries.hidden import hidden_tasks
from leaderboard.queries.item_texts import ItemText, item_texts
from leaderboard.queries.items import HALF
from leaderboard.queries.tasks import TaskLine, task_line

HASH = re.compile(r"[0-9a-f]{64}")
BYTES, BYTES_OF_SCORE = 32, 4
MOST_MODELS = 2_000
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


@dataclass(frozen=True)
class OneItem:
    """An item. `answers` are the newest of each model, best first, at most LISTED of `models`; `text` None: no stored
    sample that was looked at has it, or it is `hidden`."""

    line: TaskLine
    hash: str
    answers: list[Answer]
    models: int
    solved: int
    text: ItemText | None
    hidden: str
    notes: list[Remark]


def one_item(task: str, item: str) -> OneItem:
    """Raises Missing. 7 queries at most."""
    line = task_line(task)
    if not HASH.fullmatch(item):
        raise Missing("item", "An item is named by its hash, 64 digits and letters a to f.")
    found = newest(task, item, line)
    if not found:
        raise Missing("item", f"No model that was measured here answered this item of {task}.")
    upwards = line.places[0].higher_is_better
    solved = sum(one.score >= HALF if upwards else one.score <= HALF for one in found)
    ordered = sorted(found, key=lambda one: (-one.score if upwards else one.score, one.model))
    texts = item_texts(task, [one.submission for one in found[:READ_FROM]], [item])
    notes = list(Remark.objects.filter(kind=Remark.Kind.CONTAMINATION, task=task).select_related("model"))
    return OneItem(
        line, item, ordered[:LISTED], len(found), solved, texts.get(item), hidden_tasks().get(task, ""), notes
    )


def newest(task: str, item: str, line: TaskLine) -> list[Answer]:
    """The newest answer of each model, newest first. 2 queries."""
    places = dict(sets_with(item))
    if not places:
        return []
    whens = [When(items=digest, then=score_at(place)) for digest, place in places.items()]
    rows = (
        Result.objects.filter(items__in=places, task__in=line.places, submission__state=Submission.State.SUCCEEDED)
        .annotate(stored=Case(*whens, output_field=BinaryField()))
        .order_by("-submission_id")
        .values_list(
            "submission_id", "submission__revision__model__name", "submission__revision__model__kind",
            "submission__suite__slug", "stored",
        )[:MOST_MODELS]
    )  # fmt: skip
    found: dict[str, Answer] = {}
    for submission, model, kind, suite, stored in rows:
        if model not in found and len(stored) == BYTES_OF_SCORE:
            found[model] = Answer(submission, model, kind, suite, struct.unpack("<f", bytes(stored))[0])
    return list(found.values())


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
