"""Note what an endpoint was asked and what that cost, and from that how it did, hour by hour."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now, TruncHour

from evaluator.contract import LATENCY_BOUNDS, Spent
from leaderboard.models import EndpointHour, Job

THROTTLED = "429"
LONGEST_GAP = timedelta(seconds=60)
"""Between two reports; what is longer was no work."""


def note_spent(job: Job, spent: Spent | None) -> None:
    """Keep what a locked job's attempt says it has spent. Runs in the caller's transaction.

    Never less than before: calls may arrive late, and what was spent stays spent.
    """
    if spent is None or job.queue != "api":
        return
    before = spent_of(job.spent)
    if asked(spent) < asked(before) or spent.dollars < before.dollars:
        return
    Job.everything.filter(pk=job.pk).update(spent=msgspec.to_builtins(spent))
    revision = job.submission.revision_id
    private = job.submission.suite.owner_id is not None  # how an endpoint did for somebody's own prompts is theirs
    if revision is not None and not private and asked(spent) > asked(before):
        note_hour(job, revision, before, spent)
    job.spent = msgspec.to_builtins(spent)


def spent_of(column: dict[str, Any]) -> Spent:
    """A job's column."""
    return msgspec.convert(column, Spent)


def asked(spent: Spent) -> int:
    """Requests that came to an end, well or badly."""
    return spent.requests + sum(spent.errors.values())


def note_hour(job: Job, revision: int, before: Spent, after: Spent) -> None:
    """Add what happened since the last report to this hour's line."""
    gap = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    hour, since = Job.everything.filter(pk=job.pk).values_list(TruncHour(Now()), gap).get()
    line = line_of(revision, hour)
    counts = [later - earlier for later, earlier in zip(after.latency, before.latency or [0] * SIZE, strict=False)]
    EndpointHour.objects.filter(pk=line.pk).update(
        requests=line.requests + after.requests - before.requests,
        errors=line.errors + sum(after.errors.values()) - sum(before.errors.values()),
        throttled=line.throttled + after.errors.get(THROTTLED, 0) - before.errors.get(THROTTLED, 0),
        output_tokens=line.output_tokens + max(0, after.output_tokens - before.output_tokens),
        busy_seconds=line.busy_seconds + min(since or timedelta(), LONGEST_GAP).total_seconds(),
        latency=added(line.latency, [max(0, count) for count in counts]),
    )


SIZE = len(LATENCY_BOUNDS) + 1


def line_of(revision: int, hour: datetime) -> EndpointHour:
    """The line of one hour, locked."""
    EndpointHour.objects.bulk_create([EndpointHour(revision_id=revision, hour=hour)], ignore_conflicts=True)
    return EndpointHour.objects.select_for_update().get(revision=revision, hour=hour)


def added(known: Sequence[int], more: Sequence[int]) -> list[int]:
    """Two histograms together; either may be empty."""
    if not known or not more:
        return list(known or more)
    return [one + other for one, other in zip(known, more, strict=True)]
