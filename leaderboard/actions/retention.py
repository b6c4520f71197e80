"""What is kept for a time only. Whatever a result stands on is kept for ever; the purge alone removes it."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from leaderboard.actions.files import discard
from leaderboard.actions.purge import allow_deleting
from leaderboard.models import Audit, Delivery, Job, SampleChunk

AT_ONCE = 10_000
"""Rows that one round removes; the others wait for the next."""


@transaction.atomic
def forget_sessions() -> int:
    """Sessions that have ended."""
    return Session.objects.filter(expire_date__lt=Now()).delete()[0]


@transaction.atomic
def forget_deliveries() -> int:
    """Messages that ended `PARITY_KEEP_DAYS` days ago, arrived or not; 0 days: none."""
    if not site.KEEP_DAYS:
        return 0
    old = Delivery.objects.exclude(state=Delivery.State.WAITING).filter(ended_at__lt=ago())
    return Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:AT_ONCE])).delete()[0]


@transaction.atomic
def forget_spoilt_samples() -> int:
    """Samples of attempts whose results never counted (a lost worker, a failure), `PARITY_KEEP_DAYS` days after their
    submission ended: nobody can see them. Leaves an audit row, as all that removes samples does."""
    if not site.KEEP_DAYS:
        return 0
    spoilt = SampleChunk.objects.filter(job__submission__finished_at__lt=ago()).filter(
        ~Q(job__state=Job.State.DONE) | Q(attempt__lt=F("job__attempt"))
    )  # fmt: skip
    rows = list(spoilt.order_by("pk").values_list("pk", "path", "size")[:AT_ONCE])
    if not rows:
        return 0
    allow_deleting(True)
    SampleChunk.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
    allow_deleting(False)
    size = sum(size for _, _, size in rows)
    Audit.objects.create(
        actor="retention", action="forget_samples", subject=f"{len(rows)} chunks of attempts that did not count",
        reason=f"{size:,} bytes; their submissions ended more than {site.KEEP_DAYS} days ago (PARITY_KEEP_DAYS)",
    )  # fmt: skip
    transaction.on_commit(lambda: remove(path for _, path, _ in rows))
    return len(rows)


def remove(paths: Iterable[str]) -> None:
    """Files whose rows are gone."""
    for path in paths:
        discard(path)


def ago() -> object:
    """The end of what is old enough."""
    return Now() - timedelta(days=site.KEEP_DAYS)
