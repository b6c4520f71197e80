"""What is on the schedule, when it ran last and what it said; and what is followed. For the staff."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from leaderboard.models import Follow, Owner, RoutineRun, Submission
from leaderboard.schedule import ROUTINES, Routine

SHOWN = 200


@dataclass(frozen=True)
class RoutineLine:
    """`run` is None for what has not run yet."""

    name: str
    routine: Routine
    run: RoutineRun | None

    @property
    def late(self) -> bool:
        """Whether it ought to have begun again a while ago."""
        return self.run is not None and timezone.now() - self.run.began_at > 2 * self.routine.every


def lines() -> list[RoutineLine]:
    """Everything on the schedule, in its order. 1 query."""
    runs = {run.name: run for run in RoutineRun.objects.all()}
    return [RoutineLine(name, routine, runs.get(name)) for name, routine in ROUTINES.items()]


def follows() -> QuerySet[Follow]:
    """Who follows what."""
    return Follow.objects.select_related("owner", "suite", "last").order_by("model", "pk")[:SHOWN]


def follow_of(*, row: Submission, owner: Owner | None) -> Follow | None:
    """What an owner follows as this submission was made; None where they do not, or nobody is logged in."""
    if owner is None or row.revision is None:
        return None
    return Follow.objects.filter(
        owner=owner, model=row.revision.model.name, suite=row.suite_id, settings_digest=row.settings_digest
    ).first()  # fmt: skip
