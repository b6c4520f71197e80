"""A workload that judges score: asked as any other; what is better, a judge's verdict says, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from evaluator import contract
from evaluator.scoring.scored import score, unfit
from evaluator.scoring.spec import BadScoring, scoring_of
from evaluator.suites import bundle, workload
from leaderboard.actions.errors import Refused
from leaderboard.actions.keep_workload import make_workload
from leaderboard.actions.workload_suite import private_suite
from leaderboard.models import Bakeoff, Bundle, Judging, Owner, User, WorkerToken, WorkloadVersion
from tests.leaderboard import bakeoffs, judgings

pytestmark = pytest.mark.django_db
RUBRIC = "The friendlier answer wins."


@pytest.fixture
def version(owner: Owner) -> WorkloadVersion:
    items = [{"prompt": f"Say hello to guest {number}."} for number in range(30)]
    scoring = {"kind": "judge", "rubric": RUBRIC}
    return make_workload(owner=owner, maker=owner.user, name="Hellos", items=items, scoring=scoring)


@pytest.fixture
def made(version: WorkloadVersion, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Bakeoff:
    row = bakeoffs.begun(version, "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, n: "Hi" if model == "org/good" else "Good morning to you" if n else " ")
    return row


@pytest.fixture
def ada(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def plain(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def at(made: Bakeoff, name: str) -> str:
    return reverse(name, kwargs={"workload": made.version.workload_id, "pk": made.pk})


def test_it_needs_no_reference_and_counts_what_is_there() -> None:
    way = scoring_of({"kind": "judge", "rubric": RUBRIC})
    assert unfit(way, []) == ""
    assert [score(way, text, []).score for text in ("Hello", "", " \n")] == [1.0, 0.0, 0.0]
    with pytest.raises(BadScoring):
        scoring_of({"kind": "judge", "rubric": "x" * 4_001})


def test_workers_of_any_age_can_ask_it_and_never_see_the_rubric(version: WorkloadVersion) -> None:
    suite = private_suite(version=version)
    data = bundle.read(bytes(Bundle.objects.get(pk=suite.definition["bundle"]).data))[workload.FILE]
    head = contract.decode(data.splitlines()[0], dict)
    assert head["scoring"] == {"kind": "regex", "pattern": r"\S", "extract": ""}
    assert RUBRIC.encode() not in data


def test_it_does_not_stop_by_what_judges_have_not_said(version: WorkloadVersion) -> None:
    with pytest.raises(Refused, match="not known while models are still asked"):
        bakeoffs.begun(version, "org/good", "org/bad", stops=True)
    assert not Bakeoff.objects.exists()


def test_the_report_calls_nothing_right_and_asks_for_a_judge(ada: Client, made: Bakeoff) -> None:
    text = plain(ada.get(at(made, "bakeoff")))
    assert "Answered, against org/good" in text and "This workload is scored by judges" in text
    items = plain(ada.get(f"{at(made, 'bakeoff-items')}?show=all"))
    assert "Good morning to you" in items and not re.search(r"\b(Right|Wrong)\b", items)
    assert RUBRIC in plain(ada.get(at(made, "judging-new")))


def test_whether_to_switch_is_for_judges_to_say(
    ada: Client, made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = at(made, "bakeoff-switch")
    reply = ada.get(path)
    assert reply.status_code == 400 and "none has compared the two" in plain(reply)
    judgings.begun(made, "org/bad", confirmed=True)
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"org/bad": judgings.longer})
    assert ada.get(path).status_code == 400, "what judges its own decides nothing"
    judgings.begun(made, "sage/judge")
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": judgings.longer})
    assert "Switch" in plain(ada.get(f"{path}?to=2"))
    assert "Stay" in plain(ada.get(f"{path}?base=2&to=1"))


def test_the_most_careful_of_several_judges_decides(
    ada: Client, made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    judgings.begun(made, "sage/judge", "sage/second", pair=(2, 1))
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": judgings.longer, "sage/second": judgings.first_place})
    assert "Not yet known" in plain(ada.get(f"{at(made, 'bakeoff-switch')}?to=2"))


def test_the_api_takes_the_workloads_rubric(client: Client, api_token: str, made: Bakeoff) -> None:
    body = {"first": 1, "second": 2, "judges": []}
    headers = {"authorization": f"Bearer {api_token}"}
    path = f"/api/v1/bakeoffs/{made.pk}/judgings/"
    assert client.post(path, body, content_type="application/json", headers=headers).status_code == 201
    assert Judging.objects.get().rubric == RUBRIC


def test_the_form_offers_it(ada: Client, version: WorkloadVersion) -> None:
    path = reverse("workload-scoring", args=[version.workload_id])
    assert RUBRIC in plain(ada.get(path))
    ada.post(path, {"kind": "judge", "judge-rubric": "Shorter wins.", "do": "keep"})
    assert version.workload.versions.first().scoring == {"kind": "judge", "extract": "", "rubric": "Shorter wins."}
