"""Endpoints over the worker API: claim, look, heartbeats with what was spent, the pause at the budget."""

from typing import Any

import pytest
from django.test import Client

from evaluator.contract import ATTEMPT_TOKEN_HEADER, JobSpec, decode
from leaderboard.actions.accounts import register_worker_token
from leaderboard.models import Owner, Suite
from tests.leaderboard.endpoints import CANARY, generated_suite, submitted

pytestmark = pytest.mark.django_db
ASKING = {"worker": "api-1", "queues": ["api"], "engines": ["endpoint"], "edition": 3}


@pytest.fixture(autouse=True)
def talk(db: None) -> Suite:
    return generated_suite()


def claim(client: Client, **changes: Any) -> JobSpec | None:
    reply = client.post("/api/worker/v1/claims/", ASKING | changes, "application/json")
    assert reply.status_code in {200, 204}
    return decode(reply.content, JobSpec) if reply.content else None


def post(client: Client, spec: JobSpec, path: str, body: dict[str, Any]) -> int:
    address, headers = f"/api/worker/v1/jobs/{spec.job}/{path}/", {ATTEMPT_TOKEN_HEADER: spec.token}
    return client.post(address, {"attempt": spec.attempt} | body, "application/json", headers=headers).status_code


def test_an_endpoint_goes_over_the_wire_to_its_pause(owner: Owner, worker_client: Client) -> None:
    row = submitted(owner)
    spec = claim(worker_client)
    assert spec is not None and spec.endpoint is not None
    assert (spec.endpoint.api_key, spec.endpoint.preflight) == (CANARY, True)
    said = {"fingerprint": "fp", "seconds": 0.4, "checks": [{"name": "TLS", "ok": True}]}
    assert post(worker_client, spec, "preflight", said | {"unknown": 1}) == 400
    assert post(worker_client, spec, "results", {}) == 400
    assert post(worker_client, spec, "preflight", said) == 201
    assert post(worker_client, spec, "preflight", said) == 200
    assert post(worker_client, spec, "preflight", said | {"fingerprint": "other"}) == 409
    spec = claim(worker_client)
    assert spec is not None and spec.endpoint is not None and not spec.endpoint.preflight
    assert post(worker_client, spec, "preflight", said) == 409, "this job evaluates"
    beat = {"phase": "evaluating", "done": 1, "total": 9, "spent": {"requests": 4, "dollars": 0.5}}
    assert post(worker_client, spec, "heartbeat", beat) == 200
    ended = {"kind": "budget", "code": "budget", "message": "Used up.", "spent": {"requests": 5, "dollars": 0.6}}
    assert post(worker_client, spec, "failure", ended) == 200
    row.refresh_from_db()
    assert (row.state, row.jobs.get(kind="evaluation").spent["dollars"]) == ("paused", 0.6)
    assert claim(worker_client) is None


def test_workers_without_the_right_get_nothing(owner: Owner, worker_client: Client) -> None:
    submitted(owner)
    register_worker_token(name="stranger", token="stranger-secret", trusted=False)
    stranger = Client(headers={"authorization": "Bearer stranger-secret"})
    assert claim(stranger) is None
    assert claim(worker_client, edition=2) is None
    assert claim(worker_client, queues=["cpu", "gpu"]) is None
    assert Client().post("/api/worker/v1/claims/", ASKING, "application/json").status_code == 401
    assert claim(worker_client) is not None
