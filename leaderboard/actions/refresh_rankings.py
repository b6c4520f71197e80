"""Rankings that nothing new came to: what the catalogue learned of their models since is not in them yet."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Snapshot, Suite

OLD = timedelta(days=1)


def refresh_rankings() -> int:
    """Build every ranking anew that is a day old; returns how many came out differently."""
    recent = Snapshot.objects.filter(created_at__gt=Now() - OLD).values("suite")
    suites = Suite.objects.exclude(pk__in=recent).exclude(snapshots=None)
    return sum(rebuild(suite=suite) for suite in suites.order_by("pk"))


@transaction.atomic
def rebuild(*, suite: Suite) -> bool:
    """Rank a suite again; a ranking that says the same is not kept twice."""
    before = Snapshot.objects.filter(suite=suite).order_by("-pk").values_list("digest", flat=True).first()
    made = build_snapshot(suite=suite, anew=True)
    if made.digest != before:
        return True
    made.delete()
    return False
