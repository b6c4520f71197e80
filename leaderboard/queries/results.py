"""Results of single tasks, and the scores of their items, over all submissions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import QuerySet

from leaderboard.models import Result
from leaderboard.queries.errors import Missing
from leaderboard.queries.samples import WITH_SAMPLES, result_of, results_of, submission_with_samples


@dataclass(frozen=True)
class ItemScores:
    """A result with its items in order: hashes (hex) and scores as fractions (float32), n of each."""

    result: Result
    hashes: list[str]
    scores: np.ndarray[Any, np.dtype[np.float32]]


def results(*, suite: str = "", model: str = "", task: str = "", submission: int | None = None) -> QuerySet[Result]:
    """Results that anybody may read, newest first: of a suite, a model, a task, a submission, as far as each is
    given."""
    found = Result.objects.filter(submission__state__in=WITH_SAMPLES).order_by("-id")
    found = found.select_related("task", "submission__suite", "submission__revision__model").defer("item_scores")
    wanted = {
        "submission__suite__slug": suite, "submission__requested_model": model, "task__task": task,
        "submission": submission,
    }  # fmt: skip
    return found.filter(**{name: value for name, value in wanted.items() if value})


def item_scores(pk: int, task: str) -> ItemScores:
    """The scores of a task's items in a submission; raises Missing, also where there are none."""
    row = submission_with_samples(pk)
    result = result_of(row, task, results_of(row))
    if result.items is None:
        raise Missing("items", f"{task} has no scores of single items in submission {pk}: {result.unavailable}")
    hashes = bytes(result.items.hashes)
    return ItemScores(
        result,
        [hashes[start : start + 32].hex() for start in range(0, len(hashes), 32)],
        np.frombuffer(bytes(result.item_scores), dtype="<f4"),
    )
