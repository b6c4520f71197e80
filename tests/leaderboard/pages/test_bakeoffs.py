"""Bake-offs in the browser: begun with the estimate first, followed, read, decided by, shared, hidden."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leaderboard.actions.accounts import create_person
from leaderboard.models import Bakeoff, BakeoffShare, Owner, Submission, User, WorkerToken, WorkloadVersion
from tests.leaderboard import bakeoffs, endpoints

pytestmark = pytest.mark.django_db
MODELS = ("org/good", "org/same", "org/bad")


def says(model: str, number: int) -> str:
    """good and same are right but for one item in ten; bad for one in two, refuses once, and once says nothing."""
    if model == "org/bad":
        return {3: "I'm sorry, but I can't help with that.", 5: ""}.get(number, str(number + (number % 2 == 0)))
    return str(number + (number % 10 > 0))


@pytest.fixture
def ada(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def version(owner: Owner) -> WorkloadVersion:
    return bakeoffs.kept(owner, 60)


@pytest.fixture
def bakeoff(
    version: WorkloadVersion, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch
) -> Bakeoff:
    made = bakeoffs.begun(version, *MODELS)
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, says)
    return made


def address(made: Bakeoff, name: str = "bakeoff", **more: Any) -> str:
    return reverse(name, kwargs={"workload": made.version.workload_id, "pk": made.pk, **more})


def plain(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def test_the_estimate_comes_first_and_spends_nothing(ada: Client, version: WorkloadVersion) -> None:
    path = reverse("bakeoff-new", args=[version.workload_id])
    assert "60 prompts to each model" in plain(ada.get(path))
    asked = {
        "version": 1, "models": "org/good\norg/bad@v2", "dtype": "auto", "margin": "2", "base_url": endpoints.URL,
        "served": "gpt-5", "protocol": "openai-chat", "api_key": endpoints.CANARY, "budget_tokens": "1000000",
        "input_price": "1", "output_price": "4",
    }  # fmt: skip
    shown = ada.post(path, asked | {"estimate": "1"})
    assert shown.status_code == 200 and Bakeoff.objects.count() == 0 and Submission.everything.count() == 0
    # Ten prompts of 14 characters and fifty of 15 at 4 a token, and 250 tokens of an answer each.
    assert "org/good baseline 60 222, 15" in plain(shown)
    assert "$0.06" in plain(shown) and endpoints.CANARY not in shown.content.decode()
    begun = ada.post(path, asked | {"begin": "1"})
    made = Bakeoff.objects.get()
    assert begun["Location"] == address(made)
    assert [(one.requested_model, one.requested_revision) for one in Submission.everything.order_by("pk")][:2] == [
        ("org/good", "main"), ("org/bad", "v2"),
    ]  # fmt: skip
    assert "0 of 3 models are done" in plain(ada.get(address(made)))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"models": "org/good"}, "A bake-off is of 2 to 8 models; these are 1."),
        ({"models": "org/good\nno slash"}, "Model 2:"),
        ({"models": "org/good\norg/good"}, "Model 2: It is in the list twice"),
        ({"margin": "99"}, "less than or equal to 50"),
        ({"base_url": "https://127.0.0.1/v1", "served": "x", "budget_tokens": "5"}, "127.0.0.1"),
        ({"base_url": endpoints.URL}, "An endpoint has a base URL and a model."),
        ({"base_url": endpoints.URL, "served": "x"}, "Say what may be spent at most"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_begins(
    ada: Client, version: WorkloadVersion, changed: dict[str, str], words: str
) -> None:
    asked = {"version": "1", "models": "org/good\norg/bad", "dtype": "auto", "margin": "2", "protocol": "openai-chat"}
    reply = ada.post(reverse("bakeoff-new", args=[version.workload_id]), asked | changed | {"begin": "1"})
    assert 400 <= reply.status_code < 500, reply.status_code
    assert words in plain(reply)
    assert (Bakeoff.objects.count(), Submission.everything.count()) == (0, 0)


def test_the_report_says_who_is_worse_and_never_that_equals_are_better(ada: Client, bakeoff: Bakeoff) -> None:
    told = ada.get(address(bakeoff, "bakeoff-json")).json()
    good, same, bad = told["models"]
    assert (good["verdict"], same["verdict"], bad["verdict"]) == (None, "undecided", "worse")
    assert bad["p"] < 0.05 and bad["difference"] < 0 < bad["difference_interval"][1] + 100
    assert (bad["refusals"], bad["empty"], bad["not_in_form"]) == (1, 1, 2)
    assert (good["quality"], good["interval"][0] < 90 < good["interval"][1]) == (90.0, True)
    assert [row["tag"] for row in told["tags"]] == ["other", "third"]
    page = plain(ada.get(address(bakeoff)))
    assert "worse" in page and "undecided" in page and "Say what an hour of the machine costs." in page
    wide = ada.get(address(bakeoff, "bakeoff-json") + "?margin=10").json()
    assert wide["models"][1]["verdict"] == "equivalent"


def test_cost_is_never_printed_unless_it_was_computed(ada: Client, bakeoff: Bakeoff) -> None:
    path = address(bakeoff, "bakeoff-json")
    assert [one["dollars_for_1000"] for one in ada.get(path).json()["models"]] == [None] * 3
    # 20 s for 60 prompts at $3.60 an hour: 2 cents for 60, so a third of a dollar for 1,000.
    found = ada.get(f"{path}?hour=3.6").json()["models"]
    assert [round(one["dollars_for_1000"], 4) for one in found] == [0.3333] * 3


def test_another_baseline_turns_the_differences_round(ada: Client, bakeoff: Bakeoff) -> None:
    path = address(bakeoff, "bakeoff-json")
    there, back = ada.get(path).json()["models"][2], ada.get(f"{path}?base=3").json()["models"][0]
    assert back["difference"] == pytest.approx(-there["difference"])
    assert (there["verdict"], back["verdict"]) == ("worse", "better")
    for query in ("base=4", "base=0", "base=x", "margin=51", "margin=-1", "hour=x"):
        assert ada.get(f"{path}?{query}").status_code == 400, query


def test_answers_stand_side_by_side(ada: Client, bakeoff: Bakeoff) -> None:
    path = address(bakeoff, "bakeoff-items")
    first = ada.get(f"{path}?a=1&b=3&show=first")
    text = plain(first)
    assert "Prompt 4" in text and "can't help with that" in first.content.decode().replace("&#x27;", "'")
    assert "refused" in text and "There is no number in it." in text
    counts = {name: int(n) for name, n in re.findall(r"(A better|B better|Neither right|Both right|All) (\d+)", text)}
    assert counts["All"] == 60
    assert counts["A better"] + counts["B better"] + counts["Neither right"] + counts["Both right"] == 60
    swapped = plain(ada.get(f"{path}?a=3&b=1&show=second"))
    assert f"B better {counts['A better']}" in swapped
    tagged = plain(ada.get(f"{path}?a=1&b=3&show=all&tag=third&page=2"))
    assert "All 20" in tagged and "11–20 of 20" in tagged
    for query, status in (("show=x", 400), ("a=9", 400), ("tag=none", 404), ("page=99", 404), ("page=x", 400)):
        assert ada.get(f"{path}?{query}").status_code == status, query


def test_words_that_the_other_lacks_are_marked_and_nothing_in_them_is_markup(
    ada: Client, version: WorkloadVersion, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = bakeoffs.begun(version, "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, number: f"The sum is <b>{number + (model == 'org/good')}</b>, I think")
    page = ada.get(address(made, "bakeoff-items") + "?a=1&b=2&show=first").content.decode()
    assert "The sum is &lt;b&gt;<mark>1</mark>&lt;/b&gt;, I think" in page
    assert "The sum is &lt;b&gt;<mark>0</mark>&lt;/b&gt;, I think" in page


def test_what_was_stopped_is_said_on_the_page_and_under_a_link(
    ada: Client, owner: Owner, client: Client, worker_token: WorkerToken, files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    version = bakeoffs.kept(owner, 150, scoring={"kind": "regex", "pattern": "yes"}, name="Stops")
    path = reverse("bakeoff-new", args=[version.workload_id])
    asked = {"version": 1, "models": "org/good\norg/bad", "dtype": "auto", "margin": "5", "stops": "on", "begin": "1"}
    assert ada.post(path, asked).status_code == 302
    made = Bakeoff.objects.get()
    assert made.stops
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, number: "no" if model == "org/bad" and number % 2 else "yes")
    told = ada.get(address(made, "bakeoff-json")).json()
    good, bad = told["models"]
    assert (told["stops"], good["stopped"], bad["stopped"], good["items"]) == (True, False, True, 150)
    assert (bad["verdict"], bad["items"] < 150, bad["p"] < 0.05) == ("worse", True, True)
    words = f"stopped after {bad['items']} of 150 prompts: decided"
    shown = plain(ada.get(address(made)))
    assert words in shown and "stops when decided" in shown and "by betting" in shown and "McNemar" not in shown
    made_link = ada.post(address(made, "bakeoff-share"), {"days": "3"}).content.decode()
    link = re.search(r"/shared/share_[0-9a-f]{64}", made_link)
    assert link is not None and words in plain(client.get(link[0]))
    assert f"All {bad['items']}" in plain(ada.get(address(made, "bakeoff-items") + "?show=all"))


def test_whether_to_switch(ada: Client, bakeoff: Bakeoff) -> None:
    path = address(bakeoff, "bakeoff-switch")
    stay = plain(ada.get(f"{path}?to=3&margin=5"))
    assert "Stay" in stay and "It is worse by 5 points or more for sure" in stay
    assert "Switch" in plain(ada.get(f"{path}?to=2&margin=10"))
    unknown = plain(ada.get(f"{path}?to=2&margin=10&budget=1&licence=permissive"))
    assert "Not yet known" in unknown and "Nobody states its licence." in unknown
    assert "Say what an hour of the machine costs." in unknown
    assert "Stay" in plain(ada.get(f"{path}?to=2&margin=10&context=8000")), "the test's models read one token"
    for query in ("to=1", "to=x", "licence=x", "modality=smell", "context=-1"):
        assert ada.get(f"{path}?{query}").status_code == 400, query


def test_files_hold_what_the_page_says(ada: Client, bakeoff: Bakeoff) -> None:
    lines = ada.get(address(bakeoff, "bakeoff-csv")).content.decode().splitlines()
    assert lines[0].startswith("model,revision,tag,items,quality")
    assert len(lines) == 1 + 3 + 2 * 3 and all(line.count(",") == lines[0].count(",") for line in lines)
    assert "org/bad" in lines[3] and ",worse," in lines[3]


def test_a_link_shows_numbers_alone_until_it_ends(ada: Client, client: Client, bakeoff: Bakeoff) -> None:
    made = ada.post(address(bakeoff, "bakeoff-share"), {"days": "3"})
    link = re.search(r"/shared/(share_[0-9a-f]{64})", made.content.decode())
    assert link is not None
    row = BakeoffShare.objects.get()
    assert link[1] not in json.dumps(row.digest) and len(row.digest) == 64
    shown = client.get(link[0])
    assert (shown.status_code, shown["X-Robots-Tag"]) == (200, "noindex")
    assert "no-store" in shown["Cache-Control"]
    text = plain(shown)
    assert "worse" in text and "What is" not in text and "third" not in text and "Answers" not in text
    assert client.get(f"/shared/{link[1]}x").status_code == 404
    assert f"Link {row.pk}, ends" in plain(ada.get(address(bakeoff)))
    ada.post(address(bakeoff, "bakeoff-revoke", share=row.pk))
    assert client.get(link[0]).status_code == 404
    assert ada.post(address(bakeoff, "bakeoff-share"), {"days": "91"}).status_code == 400


def test_htmx_polls_until_all_have_ended(
    ada: Client, version: WorkloadVersion, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = bakeoffs.begun(version, *MODELS)
    path, part = address(made), {"HX-Request": "true"}
    assert ada.get(path, headers=part).status_code == 200
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, says)
    ended = ada.get(path, headers=part)
    assert ended.status_code == 286 and "<html" not in ended.content.decode()


def test_what_still_runs_can_be_given_up(ada: Client, version: WorkloadVersion) -> None:
    made = bakeoffs.begun(version, *MODELS)
    assert ada.post(address(made, "bakeoff-cancel"))["Location"] == address(made)
    assert set(Submission.everything.values_list("state", flat=True)) == {"cancelled"}


def test_for_anybody_else_there_is_no_bakeoff(client: Client, bakeoff: Bakeoff) -> None:
    grace = create_person(username="grace", password=None)
    other = Client()
    other.force_login(grace)
    for name in ("bakeoff", "bakeoff-items", "bakeoff-switch", "bakeoff-csv", "bakeoff-json"):
        assert other.get(address(bakeoff, name)).status_code == 404, name
        assert client.get(address(bakeoff, name)).status_code == 302, name
    for name in ("bakeoff-cancel", "bakeoff-share"):
        assert other.post(address(bakeoff, name)).status_code == 404, name
    assert other.get(reverse("bakeoff-new", args=[bakeoff.version.workload_id])).status_code == 404
    wrong = address(bakeoff).replace(f"/workloads/{bakeoff.version.workload_id}/", "/workloads/9999/")
    assert other.get(wrong).status_code == 404
