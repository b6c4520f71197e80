"""From stored task results to a suite score, and from that to the next snapshot."""

from django.db import transaction

from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.transitions import move_submission
from leaderboard.models import Result, Submission
from leaderboard.statistics.aggregate import SuiteScore, TaskScore, suite_score

ACTOR = "scorer"


@transaction.atomic
def score(*, submission: int) -> None:
    """End a scoring submission: suite score, standard error, or why it has none; then rank the suite anew.

    Does nothing when it is no longer scoring (a bell rung twice).
    """
    row = Submission.objects.select_for_update(of=("self",)).select_related("suite").filter(pk=submission).first()
    if row is None or row.state != Submission.State.SCORING:
        return
    results = list(row.results.select_related("task").order_by("task__position"))
    total, reason = total_of(results, normalised=row.suite.normalise)
    if row.jobs.exclude(worker__token__trusted=True).exists():
        total, reason = None, "It was measured by a worker that this site does not trust yet."
    move_submission(
        submission=row.pk,
        before="scoring",
        after="succeeded",
        actor=ACTOR,
        score=total.score if total else None,
        stderr=total.stderr if total else None,
        unranked_reason=reason,
    )
    build_snapshot(suite=row.suite)


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
