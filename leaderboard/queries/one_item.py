"""One item of a task over all models: who solves it, and where each answer can be read."""

import re
import struct
from dataclasses import dataclass

from django.db.models import BinaryField, F, Func, IntegerField, Value

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
    """Raises Missing. 6 queries, and one for each set of items that holds it."""
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
    """The newest answer of each model, newest first. 2 queries, and one for each set of items that holds this one."""
    stored: dict[int, bytes] = {}
    for items, place in sets_with(item):
        stored |= {key: bytes(score) for key, score in newest_scores(items, place, line)}
    chosen = sorted(stored, reverse=True)[:MOST_MODELS]
    rows = Submission.objects.filter(pk__in=chosen, state=Submission.State.SUCCEEDED).order_by("-pk")
    found: dict[str, Answer] = {}
    for key, model, kind, suite in rows.values_list(
        "pk", "revision__model__name", "revision__model__kind", "suite__slug"
    ):
        if model not in found and len(stored[key]) == BYTES_OF_SCORE:
            found[model] = Answer(key, model, kind, suite, struct.unpack("<f", stored[key])[0])
    return list(found.values())


def newest_scores(items: str, place: int, line: TaskLine) -> list[tuple[int, bytes]]:
    """Submissions, the newest first, with the item's score as it is stored. 1 query of one table, along its index: with
    others joined to it, PostgreSQL reads all results on these items, for it does not know that they are of one task."""
    rows = Result.everything.filter(items=items).order_by("-submission_id").annotate(stored=score_at(place))
    tasks = {one.pk for one in line.places}
    listed = rows.values_list("submission_id", "task_id", "stored")[:MOST_MODELS]
    return [(submission, score) for submission, task, score in listed if task in tasks]


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
