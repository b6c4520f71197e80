"""Bake-offs that stop when they are decided: what a run has measured so far, and whether anything is left to ask it.

A worker shows the scores of a shuffled suite's first items, ever more of them. The intervals hold at every look at
once (`statistics.anytime`), so that looking costs no honesty. A run that several bake-offs use goes on until all of
them are decided.
"""

import math

import numpy as np
from django.db import transaction

from evaluator.contract import EarlyScores
from leaderboard.actions.errors import Refused
from leaderboard.actions.lease import held
from leaderboard.models import Bakeoff, EarlyLook, Event, Job, Result, Submission, WorkloadSuite
from leaderboard.models.submissions import LIVE
from leaderboard.statistics.anytime import decided, family_anytime
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.paired import Answers

LEAST = 2
"""Items that a difference with an error needs."""
REASON = "decided after {n} prompts"


@transaction.atomic
def take_look(*, job: int, token: str, look: EarlyScores) -> bool:
    """Note what an attempt has measured so far; returns whether it is enough. Raises NotFound, Conflict, Refused."""
    row = held(job=job, attempt=look.attempt, token=token)
    suite = WorkloadSuite.objects.filter(suite=row.submission.suite_id, shuffled=True).first()
    if suite is None or row.kind != Job.Kind.EVALUATION:
        raise Refused("no_looks", "This job is measured to its end; nobody looks at it before.")
    if not 0 < len(look.scores) <= suite.n:
        raise Refused("bad_look", f"A look has scores of 1 to {suite.n} items, not of {len(look.scores)}.")
    if not all(math.isfinite(one) and 0 <= one <= 1 for one in look.scores):
        raise Refused("bad_look", "Scores of items are fractions from 0 to 1.")
    scores = np.asarray(look.scores, dtype="<f4")
    EarlyLook.objects.update_or_create(submission=row.submission, defaults={"scores": scores.tobytes()})
    bakeoffs = list(Bakeoff.objects.filter(entries__submission=row.submission, stops=True))
    enough = bool(bakeoffs) and all(nothing_left(one, row.submission) for one in bakeoffs)
    if enough:
        Event.objects.create(
            submission=row.submission, job=row, actor="bake-off", before=row.submission.state,
            after=row.submission.state, reason=REASON.format(n=len(scores)),
        )  # fmt: skip
    return enough


def nothing_left(bakeoff: Bakeoff, submission: Submission) -> bool:
    """Whether more items of this run would decide nothing: its comparison is decided, or, of the baseline, those of
    all others that still count."""
    entries = [entry.submission for entry in bakeoff.entries.select_related("submission").order_by("position")]
    base, *others = entries
    if not counts(base):
        return False
    asked = [one for one in others if counts(one)]
    seen = scores_so_far([base, *asked])
    if submission != base and submission not in asked:
        return False
    pairs = {one.pk: paired(seen.get(one.pk), seen.get(base.pk)) for one in asked}
    ready = {key: pair for key, pair in pairs.items() if pair is not None}
    # Every pair has its share of the error, also one that has no scores yet.
    found = family_anytime(list(ready.values()), margin=bakeoff.margin / 100, of=len(others)) if ready else []
    done = {key for key, one in zip(ready, found, strict=True) if decided(one, margin=bakeoff.margin / 100)}
    return done == set(pairs) if submission == base else submission.pk in done


def counts(row: Submission) -> bool:
    """Whether it has scores, or will have."""
    return row.state in LIVE or row.state == Submission.State.SUCCEEDED


def scores_so_far(rows: list[Submission]) -> dict[int, Floats]:
    """By submission: all of what was measured, or what was seen of it."""
    looks = EarlyLook.objects.filter(submission__in=rows).values_list("submission", "scores")
    ended = Result.everything.filter(submission__in=rows, score__isnull=False).values_list("submission", "item_scores")
    return {key: np.frombuffer(data, dtype="<f4").astype(float) for key, data in [*looks, *ended]}


def paired(one: Floats | None, base: Floats | None) -> tuple[Answers, Answers] | None:
    """Both on the items that both have: a suite's first ones. None for too few."""
    n = 0 if one is None or base is None else min(len(one), len(base))
    if one is None or base is None or n < LEAST:
        return None
    return Answers("", one[:n]), Answers("", base[:n])
