"""How much an owner may still submit: what is used of each cap, and when it is free again.

Days and months are the database's, in UTC, so that every process of the site agrees on where they begin.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings as site
from django.db.models.functions import Now

from leaderboard.models import Owner, Usage

PERIODS = (Usage.Period.DAY, Usage.Period.MONTH, Usage.Period.LIVE)
"""In the order in which their rows are always locked."""


@dataclass(frozen=True)
class Allowance:
    """One cap: `used` of `cap` submissions. `seconds` are left until it starts anew, None where no clock does that."""

    period: str
    starts_on: date
    cap: int
    used: int
    seconds: int | None

    @property
    def left(self) -> int:
        return max(0, self.cap - self.used)

    @property
    def resets_at(self) -> datetime | None:
        """The first moment of the next period."""
        return None if self.seconds is None else datetime.combine(after(self.period, self.starts_on), time(), UTC)


def allowances(owner: Owner) -> list[Allowance]:
    """The owner's three caps as they stand now, in the order of `PERIODS`."""
    row = Owner.objects.annotate(now=Now()).get(pk=owner.pk)
    starts = {period: start(period, row.now) for period in PERIODS}
    used = {
        (one.period, one.starts_on): one.used for one in Usage.objects.filter(owner=row, starts_on__in=starts.values())
    }
    return [
        Allowance(
            period=period,
            starts_on=starts[period],
            cap=cap(row, period),
            used=used.get((period, starts[period]), 0),
            seconds=seconds_left(period, row.now),
        )
        for period in PERIODS
    ]


def cap(owner: Owner, period: str) -> int:
    """The owner's own cap, else the site's. The same for everybody, staff included; 0 lets nothing through."""
    own = {"day": owner.day_cap, "month": owner.month_cap, "live": owner.live_cap}[period]
    caps = site.ORGANISATION_CAPS if owner.kind == Owner.Kind.ORGANISATION else site.CAPS
    return caps[period] if own is None else own


def start(period: str, now: datetime) -> date:
    """The first day of the period that `now` lies in."""
    today = now.astimezone(UTC).date()
    return {"day": today, "month": today.replace(day=1), "live": Usage.FOREVER}[period]


def after(period: str, starts_on: date) -> date:
    """The first day after a day's or month's period."""
    if period == Usage.Period.DAY:
        return starts_on + timedelta(days=1)
    return (starts_on + timedelta(days=31)).replace(day=1)


def seconds_left(period: str, now: datetime) -> int | None:
    """Whole seconds from `now` until the next period has begun."""
    if period == Usage.Period.LIVE:
        return None
    return int((datetime.combine(after(period, start(period, now)), time(), UTC) - now).total_seconds()) + 1
