"""Depths, clocks and orders that no sound caller sends."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import get_resolver, reverse

from evaluator import contract
from evaluator.contract import ATTEMPT_TOKEN_HEADER, Heartbeat, JobSpec
from leaderboard.actions import lease
from leaderboard.models import Job, Submission, Suite, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]

DEPTH = 100_000
DEEP = {
    "arrays, open": "[" * DEPTH,
    "arrays": "[" * DEPTH + "]" * DEPTH,
    "objects": '{"a":' * DEPTH + "1" + "}" * DEPTH,
    "in settings": '{"suite": "tiny@1", "model": "a/b", "settings": ' + "[" * DEPTH + "]" * DEPTH + "}",
    "in provenance": (
        '{"attempt": 1, "tasks": [], "chunks": [], "load_seconds": 1, "evaluation_seconds": 1, "provenance": {"a": '
        + "[" * DEPTH + "]" * DEPTH + "}}"
    ),
}  # fmt: skip
POSTED = {
    "api-submissions", "api-bulk", "api-cancel", "api-retry", "api-resume", "api-webhooks", "api-redeliver",
    "api-workloads", "api-bakeoffs", "api-bakeoff-cancel", "api-bakeoff-readers", "api-judgings",
    "worker-hello", "worker-claim", "worker-upcoming", "worker-preflight", "worker-heartbeat", "worker-results",
    "worker-failure", "worker-look",
}  # fmt: skip


def apis() -> dict[str, Any]:
    """Every route of both APIs by name, with the documentation left out."""
    names = {route.name: route for route in get_resolver().url_patterns}
    return {
        name: route
        for name, route in names.items()
        if name and name.startswith(("api-", "worker-")) and name not in {"api-docs", "api-schema"}
    }


@pytest.mark.parametrize("deep", DEEP)
def test_json_a_hundred_thousand_deep_is_400_on_every_route(
    api_token: str, suite: Suite, make_submission: Make, worker_token: WorkerToken, deep: str
) -> None:
    row = make_submission()
    spec = made.claim(worker_token)
    known = {
        "pk": row.pk,
        "person": row.pk,
        "job": spec.job,
        "attempt": 1,
        "sequence": 0,
        "digest": "0" * 64,
        "first": "s1",
        "second": "s2",
    }
    known |= {"slug": "tiny@1", "task": "alpha", "name": "org/model"}
    client = Client(raise_request_exception=False)
    answered = {}
    for name, route in apis().items():
        token = WORKER_SECRET if name.startswith("worker-") else api_token
        headers = {"authorization": f"Bearer {token}", ATTEMPT_TOKEN_HEADER: spec.token}
        path = reverse(name, kwargs={one: known[one] for one in route.pattern.converters})
        reply = client.post(path, DEEP[deep], content_type="application/json", headers=headers)
        answered[name] = reply.status_code
        if reply.status_code == 400:
            assert reply.json()["code"] in {"parse_error", "malformed"}, name
    assert {name for name, status in answered.items() if status == 400} == POSTED
    assert {status for name, status in answered.items() if name not in POSTED} == {405}
    row.refresh_from_db()
    assert (row.state, Submission.objects.count(), Job.objects.get().state) == ("running", 1, "running")


# Clocks


def test_nothing_that_a_worker_sends_is_a_time_of_day() -> None:
    """Durations are told, moments never: whatever a worker's clock says, nobody asks it."""
    sent = [contract.ClaimRequest, contract.Heartbeat, contract.Results, contract.Failure, contract.Sample]
    sent += [contract.Preflight]
    named = {field for kind in sent for field in properties(kind)}
    assert {one for one in named if "date" in one or "time" in one or one.endswith("_at") or "clock" in one} == set()
    assert {one for one in named if "seconds" in one} == {
        *("load_seconds", "evaluation_seconds"),
        "seconds",
        *("p50_seconds", "p95_seconds", "p50_first_token_seconds"),
    }
    assert "date-time" not in str([msgspec.json.schema(kind) for kind in sent])


def properties(kind: Any) -> set[str]:
    return {name for one in msgspec.json.schema(kind)["$defs"].values() for name in one["properties"]}


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_clocks_that_are_off_do_not_matter(
    make_submission: Make, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The worker's, in the headers that it could send, and this host's: the database's alone counts."""
    row = make_submission()
    off = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr("django.utils.timezone.now", lambda: off)
    Job.objects.update(not_before=Now())
    client = Client(headers={"authorization": f"Bearer {WORKER_SECRET}", "date": f"{off:%a, %d %b %Y %H:%M:%S GMT}"})
    claim = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}
    spec = client.post(reverse("worker-claim"), claim, content_type="application/json").json()
    beat = {"attempt": 1, "phase": "evaluating", "done": 1, "total": 2}
    path, headers = reverse("worker-heartbeat", kwargs={"job": spec["job"]}), {ATTEMPT_TOKEN_HEADER: spec["token"]}
    for _ in range(3):
        assert client.post(path, beat, content_type="application/json", headers=headers).status_code == 200
    assert lease.expire_leases() == lease.end_overtime() == 0
    near = Job.objects.annotate(now=Now()).get()
    at = (near.claimed_at, near.beat_at, near.evaluating_at, near.lease_expires_at - timedelta(seconds=60))
    assert all(abs(one - near.now) < timedelta(seconds=30) for one in at)
    row.refresh_from_db()
    assert row.started_at and abs(row.started_at - near.now) < timedelta(seconds=30)
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert lease.expire_leases() == 1


# Progress


def shown(job: int) -> tuple[int, int, float, int]:
    row = Job.objects.get(pk=job)
    return row.done, row.total, row.done / row.total if row.total else 0.0, lease.PHASES.index(row.phase)


def beat(spec: JobSpec, phase: str, done: int, total: int) -> None:
    told = Heartbeat(attempt=spec.attempt, phase=phase, done=done, total=total)  # type: ignore[arg-type]
    lease.heartbeat(job=spec.job, token=spec.token, beat=told)


@pytest.mark.parametrize("seed", range(5))
def test_progress_is_never_shown_backwards(make_submission: Make, worker_token: WorkerToken, seed: int) -> None:
    """Neither items nor their share nor the phase, in whatever order heartbeats arrive."""
    make_submission()
    spec, dice = made.claim(worker_token), random.Random(seed)
    before = shown(spec.job)
    for _ in range(60):
        beat(spec, dice.choice(lease.PHASES[1:]), dice.randint(0, 30), dice.randint(0, 30))
        now = shown(spec.job)
        assert all(new >= old for new, old in zip(now, before, strict=True)), (before, now)
        assert now[0] <= now[1]
        before = now
    assert before[0] > 0


def test_late_heartbeats_of_a_sound_worker_change_nothing(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    spec = made.claim(worker_token)
    calls = [("preparing", 0, 0), ("loading", 0, 40), ("evaluating", 10, 40), ("evaluating", 40, 40), ("posting", 1, 1)]
    for call in calls:
        beat(spec, *call)
    end = shown(spec.job)
    assert end == (40, 40, 1.0, lease.PHASES.index("posting"))
    for call in reversed(calls):
        beat(spec, *call)
        assert shown(spec.job) == end


def test_another_attempt_starts_from_nothing(make_submission: Make, worker_token: WorkerToken) -> None:
    make_submission()
    beat(made.claim(worker_token), "evaluating", 9, 10)
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    lease.expire_leases()
    Job.objects.update(not_before=Now())
    again = made.claim(worker_token)
    assert shown(again.job)[:2] == (0, 0)
