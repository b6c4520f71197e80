from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from evaluator.contract import LATENCY_BOUNDS
from leaderboard.models import EndpointHour, Model, Revision
from leaderboard.queries.reliability import reliability
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def model() -> Model:
    return Model.objects.create(name="openai/gpt-5", kind="proprietary")


def hour(model: Model, ago: int, *, sha: str = "a" * 40, latency: dict[int, int] | None = None, **counts: int) -> None:
    facts = {"source": "endpoint", "origin": "https://api.example.org", "served": "gpt-5"}
    revision, _ = Revision.objects.get_or_create(model=model, sha=sha, defaults=facts)
    line = [0] * (len(LATENCY_BOUNDS) + 1)
    for place, count in (latency or {}).items():
        line[place] = count
    row = EndpointHour(revision=revision, hour=Now() - timedelta(hours=ago), latency=line, **counts)
    row.save()


def test_hours_are_told_newest_first_with_their_rates(model: Model) -> None:
    hour(model, 2, requests=90, errors=10, throttled=6, output_tokens=4_000, busy_seconds=100, latency={20: 90})
    hour(model, 1, requests=50, latency={10: 50})
    hour(model, 24 * 40, requests=1_000)
    found = reliability(model)
    assert [one.requests for one in found.hours] == [50, 90]
    older = found.hours[1]
    assert (older.error_rate, older.throttled_share, older.tokens_per_second) == (0.1, 0.06, 40.0)
    assert older.p50_seconds == pytest.approx((LATENCY_BOUNDS[19] + LATENCY_BOUNDS[20]) / 2)
    assert older.p95_seconds is not None and older.p50_seconds < older.p95_seconds <= LATENCY_BOUNDS[20]
    assert found.hours[0].tokens_per_second is None
    assert found.total is not None and (found.total.attempts, found.total.error_rate) == (150, 10 / 150)


def test_a_model_that_nobody_asked_has_none(model: Model, client: Client) -> None:
    assert reliability(model).total is None
    assert "As a service" not in client.get("/models/openai/gpt-5").content.decode()
    assert client.get("/api/v1/reliability/?model=openai/gpt-5").json() == {
        "model": "openai/gpt-5", "total": None, "hours": [],
    }  # fmt: skip
    assert client.get("/api/v1/reliability/?model=nobody/x").status_code == 404


def test_the_models_page_and_the_api_tell_it(model: Model, client: Client) -> None:
    hour(model, 1, requests=90, errors=10, throttled=6, output_tokens=4_000, busy_seconds=100, latency={20: 90})
    page = tree(client.get("/models/openai/gpt-5"))
    section = page.one("section", "reliability")
    assert "10.0 %" in section.text and "6.0 %" in section.text and "https://api.example.org" in section.text
    said = client.get("/api/v1/reliability/?model=openai/gpt-5").json()
    assert (said["total"]["error_rate"], said["hours"][0]["requests"], said["hours"][0]["failed"]) == (0.1, 100, 10)
