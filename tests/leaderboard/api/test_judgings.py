"""`/api/v1/bakeoffs/1/judgings/`: the estimate, a judge of one's own choice, verdicts and agreement, for the owner."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.actions.grade import grade
from leaderboard.models import Bakeoff, Judging, KeptReply, Owner, Submission, WorkerToken
from tests.leaderboard import bakeoffs, endpoints, judgings

pytestmark = pytest.mark.django_db
SAGE = {"model": "sage/judge", "revision": "f" * 40}


@pytest.fixture
def headers(api_token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api_token}"}


@pytest.fixture
def made(owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Bakeoff:
    row = bakeoffs.begun(bakeoffs.kept(owner, 20), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, n: f"I say {n + 1}" if model == "org/good" else str(n))
    return row


def path(made: Bakeoff) -> str:
    return f"/api/v1/bakeoffs/{made.pk}/judgings/"


def post(client: Client, headers: dict[str, str], made: Bakeoff, *judges: Any, **more: Any) -> Any:
    body = {"first": 1, "second": 2, "judges": judges, **more}
    return client.post(path(made), body, content_type="application/json", headers=headers)


def test_from_the_estimate_to_agreement(
    client: Client, headers: dict[str, str], made: Bakeoff, owner: Owner, worker_token: WorkerToken,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    endpoint = {"base_url": endpoints.URL, "protocol": "openai-chat", "model": "gpt-5", "api_key": endpoints.CANARY,
                "budget_tokens": 100_000, "price": {"input": 1.0, "output": 2.0}}  # fmt: skip
    told = post(client, headers, made, SAGE, {"endpoint": endpoint}, estimate=True)
    assert (told.status_code, told.json()["id"], Judging.objects.count()) == (201, None, 0)
    weights, behind = told.json()["expected"]
    assert (weights["requests"], weights["dollars"], weights["judges_its_own"]) == (40, None, False)
    assert behind["dollars"] == pytest.approx((behind["tokens_in"] + 2 * behind["tokens_out"]) / 1e6)
    assert post(client, headers, made, SAGE, rubric="The right one wins.").status_code == 201
    assert client.get(path(made), headers=headers).json()["judgings"][0]["live"] is True
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": judgings.longer})
    row = Judging.objects.get()
    for number in range(10):
        assert owner.user
        grade(owner=owner, grader=owner.user, judging=row.pk, number=number, choice="tie" if number else "left")
    reply = client.get(path(made), headers=headers)
    assert reply["Cache-Control"] == "no-store"
    (found,) = reply.json()["judgings"]
    assert (found["items"], found["live"], found["rubric"], found["graded_by_persons"]) == (
        20, False, "The right one wins.", 10,
    )  # fmt: skip
    judge, person = found["raters"]
    assert (judge["name"], judge["first_won"], judge["verdict"]) == ("sage/judge", 20, "better")
    assert (person["person"], person["tied"]) == (True, 9)
    (agreement,) = found["agreement"]
    assert (agreement["items"], agreement["first"], agreement["second"]) == (10, "sage/judge", "ada")


def test_its_own_judge_is_refused_unless_it_is_confirmed(
    client: Client, headers: dict[str, str], made: Bakeoff
) -> None:
    own = {"model": "org/bad", "revision": "f" * 40}
    assert post(client, headers, made, own, estimate=True).json()["expected"][0]["judges_its_own"] is True
    refused = post(client, headers, made, own).json()
    assert (refused["code"], refused["field"]) == ("judges_itself", "confirmed")
    assert "org/bad would judge itself" in refused["message"]
    assert post(client, headers, made, own, confirmed=True).status_code == 201
    (found,) = client.get(path(made), headers=headers).json()["judgings"]
    assert "org/bad would judge itself" in found["judges_its_own"][0]
    assert found["runs"][0]["judges_its_own"] == found["judges_its_own"]


def test_what_is_wrong_is_named_and_nothing_begins(client: Client, headers: dict[str, str], made: Bakeoff) -> None:
    for judges, more, field in (
        ([SAGE], {"form": "dice"}, "form"), ([SAGE], {"rubric": ""}, "rubric"), ([SAGE], {"items": 1}, "items"),
        ([SAGE], {"second": 1}, "second"), ([SAGE], {"second": 7}, "second"), ([SAGE], {"colour": "red"}, "colour"),
        ([{}], {}, "judges"), ([{"model": "x"}], {}, "judges[0].model"), ([SAGE, SAGE], {}, "judges[1].model"),
        ([{"registered": 9}], {}, "judges[0].endpoint"), ([SAGE] * 5, {}, "judges"),
    ):  # fmt: skip
        reply = post(client, headers, made, *judges, **more)
        assert reply.status_code in {400, 404}, reply.content
        assert str(reply.json()["field"]).startswith(field.partition("[")[0]), reply.content
    assert (Judging.objects.count(), Submission.everything.count()) == (0, 2)


def test_for_anybody_else_there_is_none(client: Client, headers: dict[str, str], made: Bakeoff) -> None:
    grace = create_person(username="grace", password=None)
    other = {"authorization": f"Bearer {create_api_token(owner=grace.owner, user=grace, name='hers')}"}
    assert post(client, other, made, SAGE).status_code == 404
    assert client.get(path(made), headers=other).status_code == 404
    assert client.get(path(made)).status_code == 401
    assert not Judging.objects.exists()


def test_a_repetition_begins_nothing_twice_and_its_reply_names_no_model(
    client: Client, headers: dict[str, str], made: Bakeoff
) -> None:
    once = headers | {"idempotency-key": "k"}
    first, again = (post(client, once, made, SAGE) for _ in range(2))
    assert (first.json(), again["Idempotency-Replayed"]) == (again.json(), "true")
    assert "sage" not in KeptReply.objects.get().body and Judging.objects.count() == 1
