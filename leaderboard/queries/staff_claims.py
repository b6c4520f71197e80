"""What the staff sees of claims: those that stand, with what they come to now, and those that were withdrawn."""

from leaderboard.models import Claim, Suite, SuiteTask
from leaderboard.queries.claims import Judged, judged_at, state
from leaderboard.queries.errors import Missing

WITHDRAWN = 50
"""The newest withdrawn ones that are listed."""


def standing() -> list[Judged]:
    """As of now: whoever has just stated one finds it here."""
    return judged_at(state())


def withdrawn() -> list[Claim]:
    """The newest first. 1 query."""
    rows = Claim.objects.exclude(withdrawn_at=None).select_related("stated_by")
    return list(rows.order_by("-withdrawn_at", "-pk")[:WITHDRAWN])


def standing_claim(pk: int) -> Judged:
    """One that is not withdrawn; raises Missing."""
    for one in standing():
        if one.claim.pk == pk:
            return one
    raise Missing("claim", f"There is no claim {pk}, or it was withdrawn.")


def tasks_here(suite: str) -> list[str] | None:
    """The tasks of a suite by its slug; None of one that is not here (yet). 2 queries."""
    if "\x00" in suite or not Suite.objects.filter(slug=suite).exists():
        return None
    return list(SuiteTask.objects.filter(suite__slug=suite).order_by("position").values_list("task", flat=True))
