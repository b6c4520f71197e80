"""Evaluations with items, to be compared: submissions and imports of a suite, written straight to the tables."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from django.utils import timezone

from evaluator.contract import Settings
from leaderboard.models import (
    Import,
    Imported,
    ImportedResult,
    ItemSet,
    Model,
    Result,
    Revision,
    Submission,
    Suite,
)
from tests.leaderboard.pages import made

Scores = Mapping[str, Sequence[float]]
"""Of each task's items; a task that is not named is not measured."""


def item_set(task: str, places: Iterable[int]) -> ItemSet:
    """The items of `task` with these numbers."""
    hashes = b"".join(hashlib.sha256(f"{task}{place}".encode()).digest() for place in places)
    digest = hashlib.sha256(hashes).hexdigest()
    return ItemSet.objects.get_or_create(digest=digest, defaults={"n": len(hashes) // 32, "hashes": hashes})[0]


def numbers(scores: Sequence[float]) -> tuple[float, float]:
    values = np.asarray(scores, dtype=float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def finished(
    make: made.Make,
    name: str,
    scores: Scores,
    *,
    start: int = 0,
    sets: Mapping[str, ItemSet] | None = None,
    **changes: Any,
) -> Submission:
    """A succeeded submission whose items are numbered from `start`, or are those of `sets`."""
    row = make(name, **changes)
    row.jobs.update(attempt=1)
    total = []
    for task in row.suite.tasks.all():
        of = scores.get(task.task)
        if of is None:
            Result.objects.create(
                submission=row, task=task, job=row.jobs.get(), attempt=1, unavailable="No data.", score=None
            )
            continue
        mean, error = numbers(of)
        total.append((mean, error))
        Result.objects.create(
            submission=row, task=task, job=row.jobs.get(), attempt=1, score=mean, stderr=error, n=len(of),
            items=(sets or {}).get(task.task) or item_set(task.task, range(start, start + len(of))),
            item_scores=np.asarray(of, "<f4").tobytes(),
        )  # fmt: skip
    whole = len(total) == row.suite.tasks.count()
    score = 100 * sum(mean for mean, _ in total) / len(total) if whole else None
    stderr = 100 * sum(error**2 for _, error in total) ** 0.5 / len(total) if whole else None
    return made.end(row, "succeeded", score=score, stderr=stderr)


def imported(suite: Suite, name: str, scores: Scores, *, items: bool = False, **cell: float) -> Imported:
    """An imported evaluation, with or without its items; `cell` is what the source says more of each task."""
    model, _ = Model.objects.get_or_create(name=name)
    revision, _ = Revision.objects.get_or_create(model=model, sha="f" * 40, defaults={"source": "import"})
    batch = Import.objects.create(
        suite=suite, source="test", title="A source", as_of=date(2026, 1, 2), digest="0" * 64, report={}
    )
    cells = {
        task: {"score": numbers(of)[0], "stderr": numbers(of)[1], "n": len(of), "metric": "acc", "filter": "none",
               "unavailable": "", **cell}
        for task, of in scores.items()
    }  # fmt: skip
    row = Imported.objects.create(
        batch=batch, suite=suite, revision=revision, source="test", key=f"{name} {timezone.now()}",
        settings={"dtype": "auto", "apply_chat_template": False}, score=50.0, stderr=1.0, tasks=cells, facts={},
        digest="0" * 64,
    )  # fmt: skip
    for task in suite.tasks.all() if items else ():
        of = scores[task.task]
        ImportedResult.objects.create(
            imported=row, task=task, n=len(of), items=item_set(task.task, range(len(of))),
            item_scores=np.asarray(of, "<f4").tobytes(),
        )  # fmt: skip
    return row


def won(wins: int, losses: int, both: int, neither: int = 0) -> tuple[list[float], list[float]]:
    """Two models' scores: the first solves `wins` items alone, the second `losses`, both `both`."""
    first = [1.0] * wins + [0.0] * losses + [1.0] * both + [0.0] * neither
    return first, [0.0] * wins + [1.0] * losses + [1.0] * both + [0.0] * neither


OTHER = Settings(dtype="float32")
