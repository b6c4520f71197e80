"""What the scheduler asks for besides the reconciler, and when (UTC); `leaderboard.tasks` does it, /staff shows it."""

from dataclasses import dataclass
from datetime import timedelta

from celery.schedules import crontab

HOURLY, DAILY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Routine:
    """`does`: in words for people. `minute`: of the hour, or of `hour` where it is done once a day."""

    does: str
    minute: int
    hour: int | None = None

    @property
    def every(self) -> timedelta:
        return HOURLY if self.hour is None else DAILY

    @property
    def when(self) -> str:
        """In words."""
        return f"hourly at :{self.minute:02}" if self.hour is None else f"daily at {self.hour:02}:{self.minute:02} UTC"

    @property
    def at(self) -> crontab:
        return crontab(minute=str(self.minute), hour="*" if self.hour is None else str(self.hour))


ROUTINES = {
    "watch": Routine("Measures watched endpoints again, notes their drift and when tokens were used last", 5),
    "follow": Routine("Submits new revisions of followed models, within each owner's budget of a day", 25),
    "refresh": Routine("Reads what the Hub says of models again, those first that were not read for longest", 40),
    "rankings": Routine("Builds rankings that are missing, and anew those that are a day old", 50, hour=3),
    "sweep": Routine("Removes files and replies that nothing refers to any more", 20, hour=4),
    "retain": Routine("Forgets ended sessions, old deliveries, and samples that never counted", 40, hour=4),
    "digest": Routine("Mails the staff how the site is", 10, hour=6),
}
"""By the name of the Celery task, after "leaderboard."."""
