"""The site's numbers for Prometheus."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings as DjangoSettings

from leaderboard.actions.pulse import pulse
from leaderboard.models import Job, Outbox, Pulse, WorkerToken
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
TOKEN = {"authorization": "Bearer scrape-me"}
Numbers = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def token(settings: DjangoSettings) -> None:
    settings.METRICS_TOKEN = "scrape-me"


def numbers(client: Client) -> Numbers:
    """(name, label values in the order of the labels' names ...) -> value."""
    reply = client.get("/metrics", headers=TOKEN)
    assert reply.status_code == 200
    families = text_string_to_metric_families(reply.content.decode())
    return {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", "Bearer scrape-mé", "scrape-me"])
def test_without_the_token_there_is_no_such_page(client: Client, given: str) -> None:
    assert client.get("/metrics", headers={"authorization": given}).status_code == 404


def test_without_a_token_set_nobody_has_it(client: Client, settings: DjangoSettings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_an_empty_site_has_its_numbers(client: Client) -> None:
    found = numbers(client)
    assert (found["parity_outbox",], found["parity_workers",], found["parity_leases_expired",]) == (0, 0, 0)
    assert found["parity_background_age_seconds", "reconciler"] == float("inf")
    assert found["parity_files_free_bytes",] > 0


def test_what_waits_and_runs_and_is_late(client: Client, make_submission: made.Make, worker_token: WorkerToken) -> None:
    make_submission("org/runs")
    made.beat(made.claim(worker_token, "busy"), done=3, total=12)
    make_submission("org/waits")
    Job.objects.filter(state="queued").update(created_at=Now() - timedelta(minutes=2))
    Job.objects.filter(state="running").update(lease_expires_at=Now() - timedelta(minutes=1))
    row = Outbox.objects.create(kind="job", subject=1, queue="cpu", ring_after=Now())
    Outbox.objects.filter(pk=row.pk).update(created_at=Now() - timedelta(seconds=30))
    pulse(part=Pulse.Part.RECONCILER)
    found = numbers(client)
    assert (found["parity_jobs", "cpu", "queued"], found["parity_jobs", "cpu", "running"]) == (1, 1)
    assert found["parity_items_done", "cpu"] == 3
    assert found["parity_queue_age_seconds", "cpu"] == pytest.approx(120, abs=20)
    assert found["parity_outbox_age_seconds",] == pytest.approx(30, abs=20)
    assert (found["parity_leases_expired",], found["parity_workers",]) == (1, 1)
    assert found["parity_worker_silent_seconds", "busy"] < 20
    assert found["parity_background_age_seconds", "reconciler"] < 20


def test_requests_and_refusals_are_counted(client: Client, worker_client: Client) -> None:
    before = numbers(client)
    body = '{"attempt": 1, "phase": "loading"}'
    refused = worker_client.post("/api/worker/v1/jobs/999/heartbeat/", body, content_type="application/json")
    assert refused.status_code >= 400
    key = ("parity_worker_refused_total", refused.json()["code"])
    route = ("parity_http_seconds_count", "GET", "metrics", "200")
    after = numbers(client)
    assert after[key] == before.get(key, 0) + 1
    assert after[route] == before.get(route, 0) + 1
