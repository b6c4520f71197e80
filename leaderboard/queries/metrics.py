"""The site's state as numbers for Prometheus, read from the database at each scrape: what waits, runs and is late."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from leaderboard.models import Delivery, Event, Job, Outbox, Submission, Worker
from leaderboard.queries import health, hosts
from leaderboard.queries.status import REMEMBERED, background

LATELY = timedelta(hours=1)
MOST = 20_000
LIVE = (Job.State.QUEUED, Job.State.RUNNING, Job.State.PAUSED)


class Site(Collector):
    """A collector of everything below; each number counts the private ones too, and names nobody."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from jobs()
        yield from late()
        yield from workers()
        yield from events()
        free = health.free_bytes()
        if free is not None:
            yield gauge("parity_files_free_bytes", "Free space for files of samples", free)


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def age(at: datetime | None) -> float:
    """Seconds since `at`; 0 for nothing."""
    return max(0.0, (timezone.now() - at).total_seconds()) if at else 0.0


def jobs() -> Iterator[GaugeMetricFamily]:
    """Live jobs by queue and state, since when the oldest waits, and leases that nobody has taken back yet."""
    counted = GaugeMetricFamily("parity_jobs", "Live jobs", labels=["queue", "state"])
    oldest = GaugeMetricFamily("parity_queue_age_seconds", "Seconds that the oldest job waits", labels=["queue"])
    items = GaugeMetricFamily("parity_items_done", "Items that running jobs have done", labels=["queue"])
    rows = Job.everything.filter(state__in=LIVE).values("queue", "state").order_by("queue", "state")
    for row in rows.annotate(number=Count("pk"), oldest=Min("created_at"), items=Sum("done")):
        counted.add_metric([row["queue"], row["state"]], row["number"])
        if row["state"] == Job.State.QUEUED:
            oldest.add_metric([row["queue"]], age(row["oldest"]))
        if row["state"] == Job.State.RUNNING:
            items.add_metric([row["queue"]], row["items"])
    dead = Job.everything.filter(state=Job.State.RUNNING, lease_expires_at__lt=Now()).count()
    yield from (counted, oldest, items, gauge("parity_leases_expired", "Running jobs whose lease is over", dead))


def late() -> Iterator[GaugeMetricFamily]:
    """The outbox, what waits for scores, messages to people, and what works in the background."""
    bells = Outbox.objects.aggregate(number=Count("pk"), oldest=Min("created_at"))
    yield gauge("parity_outbox", "Doorbells still to be heard", bells["number"])
    yield gauge("parity_outbox_age_seconds", "Seconds since the oldest of them was written", age(bells["oldest"]))
    moving = GaugeMetricFamily("parity_submissions", "Submissions that the site works on", labels=["state"])
    states = (Submission.State.VALIDATING, Submission.State.SCORING)
    found = dict.fromkeys((state.value for state in states), 0) | dict(
        Submission.everything.filter(state__in=states).values_list("state").annotate(Count("pk")).order_by()
    )
    for state, number in found.items():
        moving.add_metric([state], number)
    yield moving
    dead = newest(Delivery.objects.all()).filter(state=Delivery.State.DEAD).count()
    yield gauge("parity_notices_dead", "Messages to people that were given up, of the newest 20,000", dead)
    beats = GaugeMetricFamily("parity_background_age_seconds", "Seconds since a part was at work", labels=["part"])
    for part in background():
        beats.add_metric([part.name], age(part.at) if part.at else float("inf"))
    yield beats


def workers() -> Iterator[GaugeMetricFamily]:
    """Workers that are there, and how long each was silent that was there in the last week."""
    silent = GaugeMetricFamily("parity_worker_silent_seconds", "Seconds since a worker was heard of", labels=["worker"])
    lately = Worker.objects.filter(hosts.allowed(), last_seen_at__gte=Now() - REMEMBERED).order_by("-last_seen_at")
    for name, at in lately.values_list("name", "last_seen_at")[:500]:
        silent.add_metric([name], age(at))
    yield gauge("parity_workers", "Workers that are there", Worker.objects.filter(hosts.present()).count())
    yield silent


def events() -> Iterator[GaugeMetricFamily]:
    """What ended in the last hour, and attempts that went back into the queue: lost, or given back by their workers."""
    ended = GaugeMetricFamily("parity_submissions_hour", "Submissions by the state they came into", labels=["state"])
    recent = newest(Event.objects.all()).filter(at__gte=Now() - LATELY)
    for state, number in recent.filter(job=None).values_list("after").annotate(Count("pk")).order_by("after"):
        ended.add_metric([state], number)
    yield ended
    back = recent.filter(job__isnull=False, before=Job.State.RUNNING, after=Job.State.QUEUED).count()
    yield gauge("parity_attempts_back_hour", "Attempts that went back into the queue in the last hour", back)


def newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The newest rows of a log: a scrape reads no more, however long the log has become."""
    return rows.filter(pk__gt=(rows.aggregate(last=Max("pk"))["last"] or 0) - MOST)
