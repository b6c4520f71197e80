"""From stored task results to a suite score, and from that to the next snapshot."""

import logging
import random
from typing import Any

import numpy as np
from django.conf import settings as site
from django.db import InterfaceError, OperationalError, transaction

from leaderboard import chunks
from leaderboard.actions import share
from leaderboard.actions.note_answers import Noted, answers_of, note
from leaderboard.actions.note_verdicts import note_verdicts, verdicts_of
from leaderboard.actions.recheck import Verdict, recheck
from leaderboard.actions.refresh import mark_stale, refresh
from leaderboard.actions.transitions import move_submission
from leaderboard.models import Result, Submission
from leaderboard.queries.trusted import measured_by_trusted
from leaderboard.statistics.aggregate import SuiteScore, TaskScore, suite_score

log = logging.getLogger(__name__)

ACTOR = "scorer"
SLACK = 1e-6
"""What rounding may add to a fraction; item scores are float32."""
QUARANTINES = {
    "out_of_range": "a number of its results is not from 0 to 1",
    "recheck_failed": "its samples say something else than its results",
}


def score(*, submission: int, chance: random.Random | None = None) -> None:
    """End a scoring submission: suite score, standard error, or why it has none; then rank the suite again, or leave
    that to whoever ranks it just now.

    Results that are out of range, or that their own samples contradict, are quarantined and not ranked. `chance` draws
    the tasks that are compared with their samples (RECHECK_SHARE). Does nothing when the submission is no longer
    scoring (a bell rung twice).
    """
    chance = chance or random.Random()  # noqa: S311
    row = Submission.everything.select_related("suite").filter(pk=submission, state=Submission.State.SCORING).first()
    if row is None:
        return
    results = list(row.results.select_related("task", "items", "job__worker").order_by("task__position"))
    odd = out_of_range(results)
    # Reading the samples takes seconds: before the lock. What is compared does not change any more.
    verdict = Verdict() if odd else verdict_on(row, results, chance)
    private = not odd and not verdict.problem and row.suite.owner_id is not None
    noted, codes = (answers_of(row), verdicts_of(row)) if private else (None, None)
    end(submission=submission, results=results, odd=odd, verdict=verdict, chance=chance, noted=noted, codes=codes)
    try:
        refresh(suite=row.suite)
    except (InterfaceError, OperationalError):
        raise  # the database is away
    except Exception:
        log.exception("%s could not be ranked; the reconciler tries it again.", row.suite.slug)


def out_of_range(results: list[Result]) -> str:
    """The first number of a task that is not from 0 to 1, in a sentence, or ""."""
    for result in results:
        items = np.frombuffer(result.item_scores, dtype="<f4")
        numbers = {
            "score": [] if result.score is None else [result.score],
            "standard error": [] if result.stderr is None else [result.stderr],
            "score of an item": items.tolist(),
        }
        for name, values in numbers.items():
            odd = next((value for value in values if not -SLACK <= value <= 1 + SLACK), None)
            if odd is not None:
                return f"{result.task.title}: the {name} is {odd:g}, and all of them are fractions from 0 to 1."
    return ""


def verdict_on(row: Submission, results: list[Result], chance: random.Random) -> Verdict:
    """Compare a random share of the tasks with their samples."""
    drawn = [result for result in results if chance.random() < site.RECHECK_SHARE]
    verdict = recheck(drawn, chunks.stored(chunks.kept(row))) if drawn else Verdict()
    for result in results:
        if result.score is not None:
            verdict.rechecked.setdefault(result.task.task, "not drawn")
    return verdict


@transaction.atomic
def end(
    *,
    submission: int,
    results: list[Result],
    odd: str,
    verdict: Verdict,
    chance: random.Random,
    noted: Noted | None = None,
    codes: bytes | None = None,
) -> None:
    """Move the submission to its end, if it is still scoring. What is `odd` has no suite score. `noted`: of a
    workload's answers; `codes`: of a judge's replies. What an untrusted worker measured has its score, and waits for
    its rank (`actions.share`)."""
    row = Submission.everything.select_for_update(of=("self",)).select_related("suite").filter(pk=submission).first()
    if row is None or row.state != Submission.State.SCORING:
        return
    total, reason = (None, "") if odd else total_of(results, normalised=row.suite.normalise)
    problem = odd or verdict.problem
    doubted = total is not None and not problem and not measured_by_trusted(row)
    if doubted:
        reason = share.WAITS
    ended: dict[str, Any] = {
        "score": total.score if total else None,
        "stderr": total.stderr if total else None,
        "unranked_reason": reason,
        "provenance": {**row.provenance, "rechecked": verdict.rechecked},
    }
    if problem:
        code = "out_of_range" if odd else "recheck_failed"
        move_submission(
            submission=row.pk, before="scoring", after="quarantined", actor=ACTOR, reason=QUARANTINES[code],
            error_code=code, error_message=problem, **ended,
        )  # fmt: skip
        return
    move_submission(submission=row.pk, before="scoring", after="succeeded", actor=ACTOR, **ended)
    if doubted:
        share.begin(submission=row, results=results, chance=chance)
    if noted is not None:
        note(submission=row, noted=noted)
        if codes is not None:
            note_verdicts(submission=row, codes=codes)
    else:
        mark_stale(suite=row.suite)


def total_of(results: list[Result], *, normalised: bool) -> tuple[SuiteScore | None, str]:
    """The suite score, or None and why there is none."""
    missing = [f"{result.task.title}: {result.unavailable}" for result in results if result.score is None]
    if missing:
        return None, "Not every task could be measured. " + " ".join(missing)
    without_error = [result.task.title for result in results if result.stderr is None]
    if without_error:
        return None, f"There is no standard error for {', '.join(without_error)}."
    scores = [
        TaskScore(result.score, result.stderr, result.task.baseline)
        for result in results
        if result.score is not None and result.stderr is not None
    ]
    return suite_score(scores, normalised=normalised), ""
