"""Models that answered items: results with item scores, made without workers, over the tiny suite's tasks."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from leaderboard.models import Imported, ImportedResult, ItemSet, Job, Result, Submission, Suite, SuiteTask
from tests.leaderboard.pages.made import end

Make = Callable[..., Submission]


def item_set(task: str, n: int, *, key: str = "") -> ItemSet:
    """Items with the hashes that tests.samples gives them, unless `key` makes them others."""
    hashes = b"".join(hashlib.sha256(f"{task}{key}{number}".encode()).digest() for number in range(n))
    found, _ = ItemSet.objects.get_or_create(
        digest=hashlib.sha256(hashes).hexdigest(), defaults={"n": n, "hashes": hashes}
    )
    return found


def answer(row: Submission, task: SuiteTask, scores: Sequence[float], *, key: str = "", n: int | None = None) -> Result:
    """The result of `row` on `task` with these scores of its items, of which the item set has `n`."""
    values = np.asarray(scores, dtype="<f4")
    row.jobs.filter(attempt=0).update(attempt=1)
    return Result.objects.create(
        submission=row, task=task, job=row.jobs.get(), attempt=1, score=float(values.mean()),
        stderr=float(values.std() / len(values) ** 0.5), n=len(values),
        items=item_set(task.task, n or len(values), key=key), item_scores=values.tobytes(),
    )  # fmt: skip


def answered(make: Make, suite: Suite, table: Sequence[Sequence[float]], *, task: str = "alpha") -> list[Submission]:
    """Succeeded submissions org/a0, org/a1 ... whose models answered the items of `task` as `table` (models, items)."""
    place = suite.tasks.get(task=task)
    rows = []
    for number, scores in enumerate(table):
        row = make(f"org/a{number}")
        answer(row, place, scores)
        rows.append(end(row, "succeeded", score=100 * float(np.mean(scores)), stderr=1.0))
    return rows


def imported(like: Imported, task: SuiteTask, scores: Sequence[float]) -> ImportedResult:
    """The items behind an imported score."""
    values = np.asarray(scores, dtype="<f4")
    return ImportedResult.objects.create(
        imported=like, task=task, n=len(values), items=item_set(task.task, len(values)), item_scores=values.tobytes()
    )


def many(make: Make, suite: Suite, models: int, items: int) -> None:
    """As many models with as many items of both tasks, quickly; abler models solve more, harder items less."""
    rng = np.random.default_rng(7)
    skill, hard = rng.normal(0, 1.2, (models, 1)), rng.normal(-0.3, 1.6, items)
    first = make("org/x0")
    rows = [first] + [make(f"org/x{number}") for number in range(1, models)]
    Job.objects.update(attempt=1, state="done")
    Submission.objects.filter(pk__in=[row.pk for row in rows]).update(state="succeeded", score=50.0, stderr=1.0)
    jobs = dict(Job.objects.values_list("submission_id", "pk"))
    for task in suite.tasks.all():
        right = (rng.random((models, items)) < 1 / (1 + np.exp(hard - skill))).astype("<f4")
        right[:, 3] = 1 - (skill[:, 0] > 0)  # a wrong key
        right[:, 4], right[:, 7] = 1, 0
        Result.objects.bulk_create(
            Result(
                submission=row, task=task, job_id=jobs[row.pk], attempt=1, score=float(scores.mean()),
                stderr=float(scores.std() / items**0.5), n=items, items=item_set(task.task, items),
                item_scores=scores.tobytes(),
            )
            for row, scores in zip(rows, right, strict=True)
        )  # fmt: skip
