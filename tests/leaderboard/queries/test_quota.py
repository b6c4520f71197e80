from datetime import UTC, date, datetime

import pytest
from pytest_django import Settings as DjangoSettings

from leaderboard.models import Owner, Usage
from leaderboard.queries import quota


@pytest.mark.parametrize(
    ("now", "period", "start", "seconds"),
    [
        ("2026-11-24T00:00:00", "day", "2026-11-24", 86_401),
        ("2026-11-24T23:59:59", "day", "2026-11-24", 2),
        ("2026-12-31T23:59:59", "day", "2026-12-31", 2),
        ("2026-12-31T23:59:59", "month", "2026-12-01", 2),
        ("2026-12-01T00:00:00", "month", "2026-12-01", 31 * 86_400 + 1),
        ("2028-02-28T12:00:00", "month", "2028-02-01", 86_400 + 43_200 + 1),
        ("2027-02-28T12:00:00", "month", "2027-02-01", 43_200 + 1),
        ("2026-11-24T10:00:00", "live", "1970-01-01", None),
    ],
)
def test_where_periods_begin_and_when_they_are_over(now: str, period: str, start: str, seconds: int | None) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert quota.start(period, moment) == date.fromisoformat(start)
    assert quota.seconds_left(period, moment) == seconds


def test_a_day_is_utcs_whatever_the_connections_zone() -> None:
    moment = datetime.fromisoformat("2026-11-24T23:30:00-08:00")
    assert quota.start("day", moment) == date(2026, 11, 25)


@pytest.mark.django_db
def test_nothing_is_used_at_first_and_reading_makes_no_rows(owner: Owner, settings: DjangoSettings) -> None:
    settings.CAPS = {"day": 5, "month": 50, "live": 2}
    found = {one.period: (one.used, one.cap, one.left) for one in quota.allowances(owner)}
    assert found == {"day": (0, 5, 5), "month": (0, 50, 50), "live": (0, 2, 2)}
    assert not Usage.objects.exists()


@pytest.mark.django_db
def test_an_owners_own_caps_come_first_also_when_they_are_nothing(owner: Owner, settings: DjangoSettings) -> None:
    settings.CAPS = {"day": 5, "month": 50, "live": 2}
    Owner.objects.filter(pk=owner.pk).update(day_cap=7, live_cap=0)
    assert [one.cap for one in quota.allowances(owner)] == [7, 50, 0]


@pytest.mark.django_db
def test_days_of_before_and_others_usage_do_not_count(owner: Owner) -> None:
    today = quota.allowances(owner)[0].starts_on
    other = Owner.objects.create(kind="organisation", name="acme")
    Usage.objects.create(owner=owner, period="day", starts_on=date(2020, 1, 1), used=9)
    Usage.objects.create(owner=other, period="day", starts_on=today, used=9)
    assert quota.allowances(owner)[0].used == 0


@pytest.mark.django_db
def test_more_used_than_a_lowered_cap_leaves_nothing(owner: Owner) -> None:
    Owner.objects.filter(pk=owner.pk).update(live_cap=1)
    Usage.objects.create(owner=owner, period="live", starts_on=Usage.FOREVER, used=3)
    assert quota.allowances(owner)[2].left == 0


@pytest.mark.django_db
def test_the_day_is_the_databases_not_this_hosts(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    before = quota.allowances(owner)[0].starts_on
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(1999, 1, 1, tzinfo=UTC))
    assert quota.allowances(owner)[0].starts_on == before
