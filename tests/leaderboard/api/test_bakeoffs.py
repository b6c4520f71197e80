"""`/api/v1/bakeoffs/`: the estimate, then the runs, the report and the answer; for the owner alone."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.models import Bakeoff, EndpointUse, KeptReply, Owner, Submission, WorkerToken
from tests.leaderboard import bakeoffs, endpoints

pytestmark = pytest.mark.django_db
GOOD, BAD = {"model": "org/good", "revision": "f" * 40}, {"model": "org/bad", "revision": "f" * 40}


@pytest.fixture
def headers(api_token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api_token}"}


def post(client: Client, headers: dict[str, str], workload: int, *models: Any, **more: Any) -> Any:
    body = {"workload": workload, "models": models, **more}
    return client.post("/api/v1/bakeoffs/", body, content_type="application/json", headers=headers)


def test_from_the_estimate_to_the_answer(
    client: Client, headers: dict[str, str], owner: Owner, worker_token: WorkerToken, files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    workload = bakeoffs.kept(owner, 60).workload_id
    told = post(client, headers, workload, GOOD, BAD, estimate=True)
    assert (told.status_code, told.json()["id"], Bakeoff.objects.count()) == (201, None, 0)
    assert [(one["requests"], one["tokens_out"], one["dollars"]) for one in told.json()["expected"]] == [
        (60, 15_000, None), (60, 15_000, None),
    ]  # fmt: skip
    made = post(client, headers, workload, GOOD, BAD, margin=5).json()["id"]
    path = f"/api/v1/bakeoffs/{made}/"
    assert client.get(path, headers=headers).json()["live"] is True
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, n: str(n + (model == "org/good" or n % 2)))
    found = client.get(f"{path}?wait=5", headers=headers)
    assert found["Cache-Control"] == "no-store"
    report = found.json()
    assert (report["live"], report["margin"], [one["verdict"] for one in report["models"]]) == (
        False, 5.0, [None, "worse"],
    )  # fmt: skip
    items = client.get(f"{path}items/?a=1&b=2&show=first", headers=headers).json()
    assert (items["counts"]["first"], items["items"][0]["prompt"], items["items"][0]["b"]["taken"]) == (
        30, "What is 0 + 1?", "0",
    )  # fmt: skip
    answer = client.get(f"{path}switch/?to=2&margin=5", headers=headers).json()
    assert (answer["answer"], answer["checks"][0]["holds"], answer["more_items"]) == ("stay", False, None)
    listed = client.get(f"/api/v1/bakeoffs/?workload={workload}", headers=headers).json()["results"]
    assert [one["id"] for one in listed] == [made]


def test_an_endpoints_key_goes_in_and_never_out(client: Client, headers: dict[str, str], owner: Owner) -> None:
    endpoint = {"base_url": endpoints.URL, "protocol": "openai-chat", "model": "gpt-5", "api_key": endpoints.CANARY,
                "budget_tokens": 10_000, "price": {"input": 1.0, "output": 2.0}}  # fmt: skip
    made = post(client, headers, bakeoffs.kept(owner).workload_id, GOOD, {"endpoint": endpoint})
    assert made.status_code == 201, made.content
    assert made.json()["expected"][1]["dollars"] > 0
    assert EndpointUse.objects.get().sealed_key
    shown = client.get(f"/api/v1/bakeoffs/{made.json()['id']}/", headers=headers)
    assert endpoints.CANARY not in (made.content + shown.content).decode()


def test_what_is_wrong_is_named_and_nothing_begins(client: Client, headers: dict[str, str], owner: Owner) -> None:
    workload = bakeoffs.kept(owner).workload_id
    for models, field in (
        ([GOOD], "models"), ([GOOD, {}], "models"), ([GOOD, {"model": "x"}], "models[1].model"),
        ([GOOD, GOOD], "models"),
        ([GOOD, {"registered": 9}], "models[1].endpoint"),
    ):  # fmt: skip
        reply = post(client, headers, workload, *models)
        assert reply.status_code in {400, 404}, reply.content
        assert str(reply.json()["field"]).startswith(field.partition("[")[0]), reply.content
    assert post(client, headers, workload, GOOD, BAD, version=9).status_code == 404
    assert post(client, headers, workload, GOOD, BAD, colour="red").status_code == 400
    assert (Bakeoff.objects.count(), Submission.everything.count()) == (0, 0)


def test_for_anybody_else_there_is_none(client: Client, headers: dict[str, str], owner: Owner) -> None:
    workload = bakeoffs.kept(owner).workload_id
    made = post(client, headers, workload, GOOD, BAD).json()["id"]
    grace = create_person(username="grace", password=None)
    other = {"authorization": f"Bearer {create_api_token(owner=grace.owner, user=grace, name='hers')}"}
    assert post(client, other, workload, GOOD, BAD).status_code == 404
    for path in ("", "items/", "switch/"):
        assert client.get(f"/api/v1/bakeoffs/{made}/{path}", headers=other).status_code == 404
        assert client.get(f"/api/v1/bakeoffs/{made}/{path}").status_code == 401
    cancel = f"/api/v1/bakeoffs/{made}/cancel/"
    assert client.post(cancel, {}, content_type="application/json", headers=other).status_code == 404
    assert client.get("/api/v1/bakeoffs/", headers=other).json()["results"] == []
    ended = client.post(cancel, {}, content_type="application/json", headers=headers).json()
    assert [one["state"] for one in ended["runs"]] == ["cancelled", "cancelled"]


def test_a_reply_that_is_kept_for_repetitions_names_no_model(
    client: Client, headers: dict[str, str], owner: Owner
) -> None:
    workload = bakeoffs.kept(owner).workload_id
    once = headers | {"idempotency-key": "k"}
    first, again = (post(client, once, workload, GOOD, BAD) for _ in range(2))
    assert (first.json(), again["Idempotency-Replayed"]) == (again.json(), "true")
    assert "org/" not in KeptReply.objects.get().body and Bakeoff.objects.count() == 1
